import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferOutlet } from '../../../src/antiphon/web/client/audio/playback-outlets.js';
import { PlaybackQueue } from '../../../src/antiphon/web/client/audio/playback-queue.js';

const RATE = 24_000;
const part = { responseId: 'a', itemId: 'i', contentIndex: 0 };
const speech = (ms) => new Int16Array((ms * RATE) / 1000).fill(8192);

/** An AudioContext without worklets, whose clock the test moves. */
class Context {
  currentTime = 0;
  sampleRate = RATE;
  sources = [];

  createGain() {
    const gain = { setValueAtTime() {}, linearRampToValueAtTime() {} };
    return { gain, connect() {}, disconnect() {} };
  }
  createBuffer(channels, length) {
    return { length, copyToChannel() {} };
  }
  createBufferSource() {
    const source = { connect() {}, disconnect() {}, start: (at) => this.sources.push([at, source.buffer.length]) };
    return source;
  }
}

function playing(t) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const context = new Context();
  const queue = new PlaybackQueue();
  const events = [];
  for (const type of ['started', 'stopped']) queue.addEventListener(type, () => events.push(type));
  const outlet = new BufferOutlet(context, [], (report) => queue.report(report));
  queue.attach(outlet);
  const pass = (ms) => {
    for (let i = 0; i < ms; i += 20) {
      context.currentTime += 0.02;
      t.mock.timers.tick(20);
    }
  };
  return { context, queue, events, outlet, pass };
}

test('parts are put on the clock without a gap', (t) => {
  const { context, queue, outlet, pass } = playing(t);
  for (let i = 0; i < 10; i++) {
    queue.append(part, speech(100));
    pass(60);
  }
  const [first] = context.sources[0];
  let frames = 0;
  for (const [at, length] of context.sources) {
    assert.equal(Math.round((at - first) * RATE), frames);
    frames += length;
  }
  assert.equal(outlet.underruns, 0);
});

test('the schedule is the clock', (t) => {
  const { context, queue, events, pass } = playing(t);
  queue.append(part, speech(1000));
  pass(500);
  const wanted = 1000 * (0.5 - context.sources[0][0]);
  assert.ok(Math.abs(queue.playing.playedMs - wanted) <= 1);
  queue.end('a');
  pass(600);
  assert.deepEqual(events, ['started', 'stopped']);
});

test('what comes too late is a gap, and the clock knows', (t) => {
  const { queue, outlet, pass } = playing(t);
  queue.append(part, speech(100));
  pass(1000);
  assert.equal(queue.playing.playedMs, 100);
  queue.append(part, speech(100));
  assert.equal(queue.playing.playedMs, 100);
  pass(60);
  assert.equal(outlet.underruns, 1);
  assert.ok(Math.abs(queue.playing.playedMs - 140) <= 1);
});

test('a short answer does not wait for more', (t) => {
  const { context, queue, pass } = playing(t);
  queue.append(part, speech(30));
  pass(40);
  assert.equal(context.sources.length, 0);
  queue.end('a');
  assert.equal(context.sources.length, 1);
});

test('a clear tells what was heard', (t) => {
  const { queue, pass } = playing(t);
  queue.append(part, speech(1000));
  pass(500);
  assert.equal(queue.clear().playedMs, 480);
  assert.equal(queue.playing, null);
});
