import assert from 'node:assert/strict';
import { test } from 'node:test';
import { climbed, mostTelling } from '../../../src/antiphon/web/client/ladder.js';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { VirtualClock, settle } from './virtual-clock.mjs';

const connection = (name) => ({ name, token: null, send() {}, close() {} });
const step = (transport, connect, more = {}) => ({ transport, seconds: 8, passedOver: null, connect, ...more });
const fails =
  (code, detail = '') =>
  async () => {
    throw new ProblemError(code, detail);
  };
const hangs = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Begins to climb, and tells all there is to be seen of it. */
function climb(steps, stop = new AbortController()) {
  const seen = { clock: new VirtualClock(), stop, progress: [], unwanted: [] };
  const all = {
    ...{ steps, clock: seen.clock, signal: stop.signal },
    onProgress: (attempts) => seen.progress.push(attempts),
    onUnwanted: (late) => seen.unwanted.push(late),
  };
  seen.result = climbed(all);
  seen.result.catch(() => {});
  return seen;
}
const outline = (attempts) =>
  attempts.map(({ transport, outcome, problem }) => [transport, outcome, problem?.code ?? null]);

test('the first step that connects is taken, and those above say why they did not', async () => {
  const seen = climb([
    step('webrtc', fails('webrtc_blocked')),
    step('websocket', async () => connection('websocket')),
    step('http', fails('http_blocked')),
  ]);
  assert.equal((await seen.result).name, 'websocket');
  assert.deepEqual(outline(seen.progress.at(-1)), [
    ['webrtc', 'failed', 'webrtc_blocked'],
    ['websocket', 'connected', null],
  ]);
  assert.deepEqual(outline(seen.progress[0]), [['webrtc', 'connecting', null]]);
  assert.equal(seen.clock.timers.size, 0);
});

test('each step has a time of its own, and is told when it is over', async () => {
  const seen = climb([
    step('webrtc', hangs, { seconds: 8 }),
    step('websocket', hangs, { seconds: 6 }),
    step('http', async () => connection('http')),
  ]);
  await seen.clock.pass(8000);
  assert.deepEqual(outline(seen.progress.at(-1)), [
    ['webrtc', 'failed', 'timed_out'],
    ['websocket', 'connecting', null],
  ]);
  await seen.clock.pass(6000);
  assert.equal((await seen.result).name, 'http');
  assert.deepEqual(
    seen.progress.at(-1).map(({ seconds }) => seconds),
    [8, 6, 0],
  );
});

test('a step may know better what it waited for', async () => {
  const knows = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new ProblemError('webrtc_blocked'))));
  const seen = climb([step('webrtc', knows), step('websocket', async () => connection('websocket'))]);
  await seen.clock.pass(8000);
  assert.equal(seen.progress.at(-1)[0].problem.code, 'webrtc_blocked');
});

test('a step that does not even notice its end is left, and its late connection closed', async () => {
  let open;
  const deaf = () => new Promise((resolve) => (open = resolve));
  const seen = climb([step('webrtc', deaf), step('websocket', async () => connection('websocket'))]);
  await seen.clock.pass(9000);
  assert.equal((await seen.result).name, 'websocket');
  open(connection('webrtc'));
  await settle();
  assert.deepEqual(
    seen.unwanted.map(({ name }) => name),
    ['webrtc'],
  );
});

test('what no other step could change ends the climb', async () => {
  const seen = climb([
    step('webrtc', fails('key_invalid', '401')),
    step('websocket', async () => connection('websocket')),
  ]);
  await assert.rejects(seen.result, { code: 'key_invalid', detail: '401' });
  assert.deepEqual(outline(seen.progress.at(-1)), [['webrtc', 'failed', 'key_invalid']]);
});

test('steps that are passed over say why', async () => {
  const passedOver = { code: 'not_wanted', detail: '' };
  const seen = climb([step('webrtc', hangs, { passedOver }), step('websocket', async () => connection('websocket'))]);
  await seen.result;
  assert.deepEqual(outline(seen.progress.at(-1))[0], ['webrtc', 'failed', 'not_wanted']);
});

test('a step that breaks in a way of its own does not keep the others from being tried', async () => {
  const seen = climb([
    step('webrtc', fails('webrtc_silent')),
    step('websocket', () => {
      throw new TypeError('oops');
    }),
    step('http', async () => connection('http')),
  ]);
  assert.equal((await seen.result).name, 'http');
  assert.deepEqual(seen.progress.at(-1)[1].problem, { code: 'websocket_blocked', detail: 'TypeError: oops' });
});

test('a climb that is not wanted any more ends at once, with the reason', async () => {
  const seen = climb([step('webrtc', hangs), step('websocket', async () => connection('websocket'))]);
  await settle();
  const reason = new Error('enough');
  seen.stop.abort(reason);
  await assert.rejects(seen.result, reason);
  assert.equal(seen.clock.timers.size, 0);
});

const failed = (transport, code, detail = '') => ({
  transport,
  outcome: 'failed',
  problem: { code, detail },
  began: 0,
  seconds: 0,
});

test('when nothing was heard of the server at all, that is what is told', () => {
  const attempts = [
    failed('webrtc', 'timed_out'),
    failed('websocket', 'websocket_blocked'),
    failed('http', 'http_blocked'),
  ];
  assert.equal(mostTelling(attempts).code, 'server_unreachable');
});

test('when the server was heard of, the last step tells', () => {
  const attempts = [
    failed('webrtc', 'webrtc_blocked'),
    failed('websocket', 'websocket_blocked', 'x'),
    failed('http', 'not_wanted'),
  ];
  assert.deepEqual(mostTelling(attempts).problem, { code: 'websocket_blocked', detail: 'x' });
});

test('the only step that was tried speaks for itself', () => {
  assert.equal(mostTelling([failed('webrtc', 'not_wanted'), failed('websocket', 'timed_out')]).code, 'timed_out');
});

test('when no step was tried, the reason is told', () => {
  assert.equal(mostTelling([failed('http', 'not_offered')]).code, 'not_offered');
  assert.equal(mostTelling([]).code, 'not_wanted');
});
