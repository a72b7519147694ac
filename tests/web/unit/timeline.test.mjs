import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timeline } from '../../../src/antiphon/web/client/timeline.js';

const VAD = { type: 'server_vad', silence_duration_ms: 500, prefix_padding_ms: 300 };
const session = (turn_detection = VAD, transcription = {}) => ({
  type: 'session.created',
  session: { audio: { input: { turn_detection, transcription } } },
});
const started = (item_id = 'u1', audio_start_ms = 700) => ({
  type: 'input_audio_buffer.speech_started',
  item_id,
  audio_start_ms,
});
const stopped = (item_id = 'u1', audio_end_ms = 3500) => ({
  type: 'input_audio_buffer.speech_stopped',
  item_id,
  audio_end_ms,
});
const heard = (item_id = 'u1') => ({
  type: 'conversation.item.input_audio_transcription.completed',
  item_id,
  transcript: 'Hi',
});
const created = (id = 'r1', conversation_id = 'conv') => ({
  type: 'response.created',
  response: { id, conversation_id },
});
const item = (response_id = 'r1', type = 'message') => ({
  type: 'response.output_item.added',
  response_id,
  item: { id: 'a', type },
});
const said = (response_id = 'r1') => ({ type: 'response.output_audio_transcript.delta', response_id, delta: 'Hi' });
const wrote = (response_id = 'r1') => ({ type: 'response.output_text.delta', response_id, delta: 'Hi' });
const done = (id = 'r1', status = 'completed', output = []) => ({
  type: 'response.done',
  response: { id, status, output },
});
const plays = (response_id = 'r1') => ({ type: 'output_audio_buffer.started', response_id });
const played = (response_id = 'r1') => ({ type: 'output_audio_buffer.stopped', response_id });
const cleared = (response_id = 'r1') => ({ type: 'output_audio_buffer.cleared', response_id });

/** Gives a timeline the events at their times. */
function seen(events, { cascade = true, timeline = new Timeline({ cascade }) } = {}) {
  timeline.receive(session(), 0);
  for (const [now, event] of events) timeline.receive(event, now);
  return timeline;
}
const spans = (turn) => turn.spans.map(({ phase, begin, end }) => [phase, begin, end]);
const SPOKEN = [
  ...[
    [1100, started()],
    [3600, stopped()],
    [3610, created()],
    [3900, heard()],
  ],
  ...[
    [4000, item()],
    [4050, said()],
    [4100, plays()],
    [4200, done()],
    [6100, played()],
  ],
];

test('a spoken turn, from the first sound of the user to the last of the answer', () => {
  const [turn] = seen(SPOKEN).turns;
  // 2800 ms of audio, of which 300 ms are padding in front and 500 ms the silence that ended it.
  assert.deepEqual(spans(turn), [
    ['speech', 1100, 3100],
    ['endpointing', 3100, 3600],
    ['stt', 3600, 3900],
    ['model', 3900, 4000],
    ['tts', 4000, 4100],
    ['playback', 4100, 6100],
  ]);
  assert.deepEqual([turn.id, turn.begun, turn.responseMs, turn.status], ['u1', 'voice', 1000, 'done']);
});

test('where the model hears for itself, it does not wait for STT', () => {
  const [turn] = seen(SPOKEN, { cascade: false }).turns;
  assert.deepEqual(
    spans(turn).find(([phase]) => phase === 'model'),
    ['model', 3610, 4000],
  );
});

test('each event tells the turn that changed', () => {
  const timeline = new Timeline();
  assert.equal(timeline.receive(session(), 0), null);
  assert.equal(timeline.receive(started(), 1), timeline.turns[0]);
});

test('how long semantic detection waits is not known', () => {
  const timeline = new Timeline();
  timeline.receive(session({ type: 'semantic_vad' }), 0);
  timeline.receive(started(), 1100);
  timeline.receive(stopped(), 3600);
  assert.deepEqual(spans(timeline.turns[0]), [
    ['speech', 1100, 3600],
    ['stt', 3600, null],
  ]);
});

test('where no transcript is told, STT is not seen', () => {
  const timeline = new Timeline();
  timeline.receive(session(VAD, null), 0);
  timeline.receive(started(), 1100);
  timeline.receive(stopped(), 3600);
  assert.deepEqual(
    spans(timeline.turns[0]).map(([phase]) => phase),
    ['speech', 'endpointing'],
  );
});

test('a written turn begins when it is sent', () => {
  const timeline = new Timeline();
  timeline.write('u1', 100);
  seen(
    [
      [120, created()],
      [200, item()],
      [210, said()],
      [260, plays()],
      [270, done()],
      [900, played()],
    ],
    { timeline },
  );
  const [turn] = timeline.turns;
  assert.deepEqual(spans(turn), [
    ['model', 120, 200],
    ['tts', 200, 260],
    ['playback', 260, 900],
  ]);
  assert.deepEqual([turn.begun, turn.responseMs, turn.status], ['text', 160, 'done']);
});

test('an answer in writing has no synthesis and no playback', () => {
  const timeline = new Timeline();
  timeline.write('u1', 100);
  seen(
    [
      [120, created()],
      [200, item()],
      [200, wrote()],
      [270, done()],
    ],
    { timeline },
  );
  assert.deepEqual(spans(timeline.turns[0]), [['model', 120, 200]]);
  assert.deepEqual([timeline.turns[0].responseMs, timeline.turns[0].status], [null, 'done']);
});

test('a response that nobody asked for in words is a turn of its own', () => {
  const [turn] = seen([
    [10, created()],
    [20, item()],
    [30, plays()],
  ]).turns;
  assert.deepEqual([turn.id, turn.begun, turn.responseMs, turn.status], ['r1', 'asked', null, 'going']);
});

test('responses outside of the conversation are no turns', () => {
  assert.deepEqual(
    seen([
      [10, created('r1', null)],
      [20, item()],
      [30, done()],
    ]).turns,
    [],
  );
});

test('a turn goes on with the response that follows a tool call', () => {
  const call = { id: 'f', type: 'function_call', status: 'completed' };
  const [turn, ...more] = seen([
    ...[
      [1100, started()],
      [3600, stopped()],
      [3610, created()],
      [3900, heard()],
    ],
    ...[
      [4000, item('r1', 'function_call')],
      [4100, done('r1', 'completed', [call])],
    ],
    ...[
      [4500, created('r2')],
      [4700, item('r2')],
      [4800, plays('r2')],
      [4900, done('r2')],
      [5500, played('r2')],
    ],
  ]).turns;
  assert.deepEqual(more, []);
  assert.deepEqual(spans(turn).slice(3), [
    ['model', 3900, 4000],
    ['model', 4500, 4700],
    ['tts', 4700, 4800],
    ['playback', 4800, 5500],
  ]);
  assert.deepEqual([turn.responseMs, turn.status], [1700, 'done']);
});

test('an interrupted turn is cut where its sound ended, and the next one begins', () => {
  const [first, second] = seen([...SPOKEN.slice(0, 8), [5000, started('u2', 4600)], [5001, cleared()]]).turns;
  assert.deepEqual(spans(first).at(-1), ['playback', 4100, 5001]);
  assert.deepEqual([first.status, second.id, second.status], ['cut', 'u2', 'going']);
});

test('a turn that is cancelled before its first sound has no synthesis', () => {
  const [turn] = seen([...SPOKEN.slice(0, 5), [4050, done('r1', 'cancelled')]]).turns;
  assert.deepEqual([spans(turn).at(-1)[0], turn.status], ['model', 'cut']);
});

test('a failed response is a failed turn', () => {
  assert.equal(seen([...SPOKEN.slice(0, 4), [4050, done('r1', 'failed')]]).turns[0].status, 'failed');
});

test('who goes on speaking gets the answer in the later turn', () => {
  const [first, second] = seen([
    [1100, started()],
    [2000, stopped()],
    [2500, started('u2', 2200)],
    [3600, stopped('u2')],
    [3700, created()],
  ]).turns;
  assert.equal(first.status, 'done');
  assert.equal(spans(second).at(-1)[0], 'model');
});

test('audio that the page itself commits has no endpointing', () => {
  const [turn] = seen([
    [900, { type: 'input_audio_buffer.committed', item_id: 'u1' }],
    [950, created()],
    [1000, heard()],
    [1200, plays()],
  ]).turns;
  assert.deepEqual(spans(turn), [
    ['stt', 900, 1000],
    ['model', 1000, 1200],
    ['playback', 1200, null],
  ]);
  assert.equal(turn.responseMs, 300);
});

test('old turns go', () => {
  const timeline = new Timeline();
  for (let count = 0; count < 500; count += 1) timeline.write(`u${count}`, count);
  assert.equal(timeline.turns.length, 200);
  assert.equal(timeline.turns.at(-1).id, 'u499');
});

test('turns that are forgotten still count', () => {
  const timeline = new Timeline();
  for (let count = 1; count <= 203; count += 1) timeline.write(`item_${count}`, count);
  timeline.write('item_203', 300); // the same turn again
  assert.equal(timeline.turns.length, 200);
  assert.deepEqual([timeline.turns[0].number, timeline.turns.at(-1).number], [4, 203]);
});
