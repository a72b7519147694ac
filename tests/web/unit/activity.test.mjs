import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Activity } from '../../../src/antiphon/web/client/activity.js';

function after(...events) {
  const activity = new Activity();
  for (const event of events) activity.receive(typeof event === 'string' ? { type: event } : event);
  return activity;
}

const STARTED = { type: 'input_audio_buffer.speech_started', item_id: 'u1' };
const STOPPED = { type: 'input_audio_buffer.speech_stopped', item_id: 'u1' };
const CREATED = { type: 'response.created', response: { id: 'r1', conversation_id: 'conv' } };
const SAID = { type: 'response.output_audio_transcript.delta', response_id: 'r1', delta: 'Hi' };
const DONE = { type: 'response.done', response: { id: 'r1', status: 'completed' } };
const PLAYS = { type: 'output_audio_buffer.started', response_id: 'r1' };
const PLAYED = { type: 'output_audio_buffer.stopped', response_id: 'r1' };

test('a turn goes from listening over hearing, thinking and speaking to listening', () => {
  const events = [STARTED, STOPPED, CREATED, SAID, PLAYS, DONE, PLAYED];
  const names = events.map((_, count) => after(...events.slice(0, count + 1)).name);
  assert.deepEqual(names, ['hearing', 'thinking', 'thinking', 'thinking', 'speaking', 'speaking', 'listening']);
});

test('an answer that is told whole before its first sound is still thought of', () => {
  assert.equal(after(CREATED, SAID, DONE).name, 'thinking');
  assert.equal(after(CREATED, SAID, DONE, PLAYS, PLAYED).name, 'listening');
});

test('a broken off answer is not waited for', () => {
  const broken = { type: 'response.done', response: { id: 'r1', status: 'cancelled' } };
  assert.equal(after(CREATED, SAID, broken).name, 'listening');
});

test('the user goes before the answer', () => {
  assert.equal(after(CREATED, SAID, PLAYS, STARTED).name, 'hearing');
});

test('where the server answers nothing by itself, the end of speech is the end', () => {
  const session = { audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } } };
  assert.equal(after({ type: 'session.created', session }, STARTED, STOPPED).name, 'listening');
});

test('where nothing was understood, no answer is waited for', () => {
  const empty = { type: 'conversation.item.input_audio_transcription.completed', item_id: 'u1', transcript: ' ' };
  assert.equal(after(STARTED, STOPPED, empty).name, 'listening');
  assert.equal(after(STARTED, STOPPED, { ...empty, transcript: 'Hi' }).name, 'thinking');
});

test('answers outside of the conversation do not count', () => {
  assert.equal(after({ type: 'response.created', response: { id: 'r2', conversation_id: null } }).name, 'listening');
});

test('an answer in writing is spoken while it is written', () => {
  const wrote = { type: 'response.output_text.delta', response_id: 'r1', delta: 'Hi' };
  assert.equal(after(CREATED, wrote).name, 'speaking');
  assert.equal(after(CREATED, wrote, DONE).name, 'listening');
});

test('an answer may be asked for when none runs and none is to come, though one may still be played', () => {
  assert.equal(after(CREATED, SAID, PLAYS).mayAsk, false);
  assert.equal(after(CREATED, SAID, PLAYS, DONE).mayAsk, true);
  assert.equal(after(STARTED).mayAsk, false);
  assert.equal(after(STARTED, STOPPED).mayAsk, false);
});

test('a new session knows nothing of the old one', () => {
  assert.equal(after(STARTED, { type: 'session.created', session: {} }).name, 'listening');
});

test('an answer that is silenced before its first sound is not waited for', () => {
  const cleared = { type: 'output_audio_buffer.cleared', response_id: 'r1' };
  assert.equal(after(CREATED, SAID, DONE, cleared).name, 'listening');
  assert.equal(after(CREATED, SAID, cleared, SAID, DONE).name, 'listening');
});

test('nor is one that the user talks over, whatever is told of it', () => {
  const over = [STARTED, SAID, { ...STOPPED, item_id: 'u2' }];
  const session = { audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } } };
  assert.equal(after({ type: 'session.created', session }, CREATED, ...over, DONE).name, 'listening');
});

test('the answer behind one that was silenced is waited for', () => {
  const cleared = { type: 'output_audio_buffer.cleared', response_id: 'r1' };
  const next = { type: 'response.created', response: { id: 'r2', conversation_id: 'conv' } };
  const events = [next, { ...SAID, response_id: 'r2' }, { ...DONE, response: { id: 'r2', status: 'completed' } }];
  assert.equal(after(CREATED, SAID, cleared, DONE, ...events).name, 'thinking');
});
