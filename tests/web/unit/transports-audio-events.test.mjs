import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { AudioEvents } from '../../../src/antiphon/web/client/transports/audio-events.js';
import { Caller, FakeMicrophone, base64Of, created, delta, done, settled } from './transports-fakes.mjs';

const MS = 24; // samples
const SPEECH = { type: 'input_audio_buffer.speech_started', event_id: 'event_s' };

/** @type {Caller} */
let caller;
let sent;
let queue;

function connected(given = {}) {
  const audio = new AudioEvents(caller.request(given), 40, (text) => sent.push(JSON.parse(text)));
  audio.begin();
  return audio;
}

function receive(audio, ...events) {
  for (const event of events) audio.receive(event);
}

const truncations = () => sent.filter(({ type }) => type === 'conversation.item.truncate');

beforeEach(() => {
  caller = new Caller();
  sent = [];
  queue = caller.loudspeaker.queue();
});

test('the microphone goes out as append events', async () => {
  const microphone = new FakeMicrophone();
  const audio = connected({ microphone });
  await settled();
  microphone.chunk(new Int16Array([1, -2]));
  assert.deepEqual(sent, [{ type: 'input_audio_buffer.append', audio: base64Of([1, -2]) }]);
  assert.equal(microphone.ms, 40);
  audio.end(true);
  microphone.chunk(new Int16Array([3]));
  assert.equal(sent.length, 1);
  assert.ok(microphone.isStopped);
});

test('a microphone that comes when all is over is let go', async () => {
  const microphone = new FakeMicrophone();
  connected({ microphone }).end(true);
  await settled();
  assert.ok(microphone.isStopped);
});

test('a microphone that gives nothing is told, and the conversation goes on', async () => {
  const microphone = new FakeMicrophone();
  microphone.capture = () => Promise.reject(new Error('no worklet'));
  connected({ microphone });
  await settled();
  assert.equal(caller.events[0].type, 'antiphon.client.notice');
  assert.equal(caller.events[0].problem.code, 'microphone_failed');
});

test('audio is played, and given on without itself', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 2));
  assert.deepEqual(queue.parts, [{ responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, samples: [7, 7] }]);
  const told = caller.events.at(-1);
  assert.equal(told.delta, '');
  assert.equal(told.audio_bytes, 4);
  assert.equal(told.event_id, 'event_3');
});

test('who wants no answers aloud gets none', () => {
  receive(connected({ speaks: false }), created(), delta('event_3', 2));
  assert.equal(queue.parts.length, 0);
});

test('playing is told as WebRTC servers tell it', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 2));
  queue.tell('started', 'resp_1');
  receive(audio, done());
  assert.deepEqual(queue.ended, ['resp_1']);
  queue.tell('stopped', 'resp_1');
  const buffer = caller.events.filter(({ type }) => type.startsWith('output_audio_buffer'));
  assert.deepEqual(buffer, [
    { type: 'output_audio_buffer.started', response_id: 'resp_1' },
    { type: 'output_audio_buffer.stopped', response_id: 'resp_1' },
  ]);
});

test('speech silences an answer, and cuts it to what was heard once the server has closed it', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 1000 * MS));
  queue.tell('started', 'resp_1');
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 321.7 };
  receive(audio, SPEECH);
  assert.equal(queue.clears, 1);
  assert.deepEqual(caller.types.slice(-2), [SPEECH.type, 'output_audio_buffer.cleared']);
  assert.deepEqual(truncations(), []);
  receive(audio, done('resp_1', 'cancelled'));
  const [cut] = truncations();
  assert.equal(truncations().length, 1);
  assert.equal(cut.item_id, 'item_1');
  assert.equal(cut.content_index, 0);
  assert.equal(cut.audio_end_ms, 321);
});

test('an answer that was done before the user spoke is cut at once', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 1000 * MS), done());
  queue.tell('started', 'resp_1');
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 40 };
  receive(audio, SPEECH);
  assert.equal(truncations()[0].audio_end_ms, 40);
});

test('no more counts as heard than has come', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 100 * MS));
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 105 };
  receive(audio, SPEECH, done('resp_1', 'cancelled'));
  // Its response was not done when it was cut: more may have been sent than came.
  assert.equal(truncations()[0].audio_end_ms, 100);
});

test('an answer that was heard whole is not cut', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 100 * MS), done());
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 100 };
  receive(audio, SPEECH);
  assert.deepEqual(truncations(), []);
});

test('what waited behind the item that was heard was not heard at all', () => {
  const audio = connected();
  const second = { response: 'resp_2', item: 'item_2' };
  receive(audio, created(), delta('event_3', 100 * MS), done(), created('resp_2'), delta('event_4', 50 * MS, second));
  queue.tell('started', 'resp_1');
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 60 };
  receive(audio, SPEECH, done('resp_2', 'cancelled'));
  assert.deepEqual(
    truncations().map(({ item_id, audio_end_ms }) => [item_id, audio_end_ms]),
    [
      ['item_1', 60],
      ['item_2', 0],
    ],
  );
});

test('with nothing left to play for the moment, an answer that is going on was heard as far as it came', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 100 * MS));
  queue.tell('started', 'resp_1');
  queue.heard = null;
  receive(audio, SPEECH, done('resp_1', 'cancelled'));
  assert.equal(truncations()[0].audio_end_ms, 100);
});

test('what comes late of an answer that was cut is not played', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 2), SPEECH, delta('event_4', 2));
  assert.equal(queue.parts.length, 1);
  assert.equal(caller.events.at(-1).audio_bytes, 4);
});

test('an answer that has not begun to come is cut off as well', () => {
  const audio = connected();
  receive(audio, created(), SPEECH, delta('event_4', 2));
  assert.equal(queue.parts.length, 0);
});

test('a response outside the conversation is not truncated there', () => {
  const audio = connected();
  receive(audio, created('resp_1', null), delta('event_3', 100 * MS), done(), SPEECH);
  assert.equal(queue.clears, 1);
  assert.deepEqual(truncations(), []);
});

test('speech does not silence where it does not interrupt', () => {
  const audio = connected();
  const detection = { type: 'server_vad', interrupt_response: false };
  const session = { type: 'realtime', audio: { input: { turn_detection: detection } } };
  receive(audio, { type: 'session.updated', session }, created(), delta('event_3', 2), SPEECH, delta('event_4', 2));
  assert.equal(queue.clears, 0);
  assert.equal(queue.parts.length, 2);
});

test("the client's own clear silences here, and the server is told what was heard", () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 100 * MS), done());
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 10 };
  audio.send({ type: 'output_audio_buffer.clear' });
  assert.deepEqual(
    sent.map(({ type }) => type),
    ['conversation.item.truncate'],
  );
  assert.equal(caller.types.at(-1), 'output_audio_buffer.cleared');
});

test('cancel and clear together cut once', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 100 * MS));
  queue.heard = { responseId: 'resp_1', itemId: 'item_1', contentIndex: 0, playedMs: 10 };
  audio.send({ type: 'response.cancel' });
  audio.send({ type: 'output_audio_buffer.clear' });
  receive(audio, done('resp_1', 'cancelled'));
  assert.deepEqual(
    sent.map(({ type }) => type),
    ['response.cancel', 'conversation.item.truncate'],
  );
  assert.equal(caller.types.filter((type) => type === 'output_audio_buffer.cleared').length, 1);
});

test('to cancel another response silences nothing', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 2));
  audio.send({ type: 'response.cancel', response_id: 'resp_9' });
  assert.equal(queue.clears, 0);
});

test('what was played is not played again when it is told again', () => {
  const first = connected();
  receive(first, created(), delta('event_3', 2));
  first.end(true);
  const second = connected();
  receive(second, { type: 'antiphon.session.resumed', events: 2, complete: false });
  receive(second, delta('event_3', 2), delta('event_4', 2));
  assert.equal(queue.parts.length, 2);
  assert.equal(queue.clears, 0);
});

test('what happened between two connections is told to the next one', () => {
  const first = connected();
  receive(first, created(), delta('event_3', 2), done());
  queue.tell('started', 'resp_1');
  first.end(true);
  caller.events.length = 0;
  queue.tell('stopped', 'resp_1');
  assert.deepEqual(caller.types, []);
  connected();
  assert.deepEqual(caller.types, ['output_audio_buffer.stopped']);
});

test('an old connection that is closed late does not take the voice of the next one', () => {
  const first = connected();
  receive(first, created(), delta('event_3', 2));
  const second = connected();
  first.end(true);
  queue.tell('started', 'resp_1');
  assert.equal(caller.types.at(-1), 'output_audio_buffer.started');
  second.end(true);
});

test('an answer that was owed ends with what was missed, since its own end was told before', () => {
  const first = connected();
  receive(first, created(), done());
  first.end(true);
  const second = connected();
  receive(second, { type: 'antiphon.session.resumed', events: 2, complete: true }, delta('event_3', 2));
  assert.deepEqual(queue.ended, []);
  receive(second, delta('event_4', 2));
  assert.deepEqual(queue.ended, ['resp_1']);
  receive(second, created('resp_2'), done('resp_2'));
  assert.deepEqual(queue.ended, ['resp_1']);
});

test('a conversation that is over leaves silence, and nothing to be told', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 2));
  queue.tell('started', 'resp_1');
  audio.end(false);
  assert.equal(queue.clears, 1);
  caller.events.length = 0;
  connected();
  assert.deepEqual(caller.types, []);
});

test('a session in another format is asked for PCM', () => {
  const format = { type: 'audio/pcmu' };
  receive(connected(), { type: 'session.created', session: { type: 'realtime', audio: { output: { format } } } });
  const pcm = { format: { type: 'audio/pcm', rate: 24_000 } };
  assert.deepEqual(sent, [{ type: 'session.update', session: { type: 'realtime', audio: { output: pcm } } }]);
});

test('nothing that is made here has an event id: nobody can come back to it', () => {
  const audio = connected();
  receive(audio, created(), delta('event_3', 2));
  queue.tell('started', 'resp_1');
  receive(audio, SPEECH);
  const own = caller.events.filter(({ type }) => type.startsWith('output_audio_buffer'));
  assert.equal(own.length, 2);
  assert.ok(own.every((event) => !('event_id' in event)));
});
