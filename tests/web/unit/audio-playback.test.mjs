import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputLatency } from '../../../src/antiphon/web/client/audio/playback-outlets.js';
import { PlaybackQueue } from '../../../src/antiphon/web/client/audio/playback-queue.js';
import { QUANTUM, Worklet } from './audio-worklets.mjs';

const PCM_RATE = 24_000;
const part = (responseId, itemId = `item of ${responseId}`) => ({ responseId, itemId, contentIndex: 0 });
const speech = (ms, value = 8192) => new Int16Array((ms * PCM_RATE) / 1000).fill(value);

/** A queue that plays through the worklet, on a clock of its own. */
class Played {
  queue = new PlaybackQueue();
  events = [];
  sound = [];
  #epoch = 0;

  constructor({ rate = 48_000, latency = 0, attached = true } = {}) {
    this.rate = rate;
    this.latency = latency;
    this.worklet = new Worklet('playback-worklet.js', {
      rate,
      processorOptions: { startSeconds: 0.06, longestWaitSeconds: 0.2, fadeSeconds: 0.005 },
    });
    this.underruns = 0;
    this.worklet.port.onmessage = ({ data }) => this.#report(data);
    for (const type of ['started', 'stopped']) {
      this.queue.addEventListener(type, ({ detail }) =>
        this.events.push([type, detail.responseId, Math.round(this.ms)]),
      );
    }
    if (attached) this.queue.attach(this);
  }

  #report(report) {
    this.underruns = report.underruns;
    if (report.epoch === this.#epoch) this.queue.report(report);
  }

  get ms() {
    return (this.worklet.frame / this.rate) * 1000;
  }

  // What an outlet has.
  get heardFrame() {
    return Math.max(0, this.worklet.frame - this.latency * this.rate);
  }
  append(samples) {
    this.worklet.port.postMessage({ type: 'append', samples });
  }
  end() {
    this.worklet.port.postMessage({ type: 'end' });
  }
  clear() {
    this.worklet.port.postMessage({ type: 'clear', epoch: (this.#epoch += 1) });
  }

  /** Let time pass. */
  pass(ms) {
    const end = this.worklet.frame + (ms * this.rate) / 1000;
    while (this.worklet.frame < end) this.sound.push(...this.worklet.render().output);
  }

  /** When sound was there, in ms: begin and end of each stretch; what fades in a gap of a few ms is no end. */
  get heard() {
    const stretches = [];
    const loud = this.sound.flatMap((value, i) => (Math.abs(value) > 0.01 ? [(i * 1000) / this.rate] : []));
    for (const at of loud) {
      const last = stretches.at(-1);
      if (last && at - last[1] < 12) last[1] = at;
      else stretches.push([at, at]);
    }
    return stretches.map((one) => one.map(Math.round));
  }
}

const near = (actual, wanted, within) =>
  assert.ok(Math.abs(actual - wanted) <= within, `${actual} is not within ${within} of ${wanted}`);

test('an answer starts when its first sample is heard, and stops when its last one was', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(500));
  page.queue.end('a');
  page.pass(1000);
  assert.deepEqual(
    page.events.map(([type, id]) => [type, id]),
    [
      ['started', 'a'],
      ['stopped', 'a'],
    ],
  );
  near(page.events[0][2], page.heard[0][0], 30);
  near(page.events[1][2], page.heard[0][1], 30);
  assert.equal(page.heard.length, 1);
  near(page.heard[0][1] - page.heard[0][0], 500, 5);
});

test("the output's latency is taken off: nothing was heard that is still on its way", () => {
  const page = new Played({ latency: 0.3 });
  page.queue.append(part('a'), speech(1000));
  page.pass(500);
  near(page.queue.playing.playedMs, 200, 3);
  near(page.events[0][2], 300, 30);
});

test('an answer has not stopped before it was said to have ended', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(200));
  page.pass(1000);
  assert.deepEqual(
    page.events.map(([type]) => type),
    ['started'],
  );
  near(page.queue.playing.playedMs, 200, 1);
  page.queue.end('a');
  page.pass(50);
  assert.deepEqual(page.events.at(-1).slice(0, 2), ['stopped', 'a']);
  assert.equal(page.queue.playing, null);
});

test('never is more said to be heard than was given', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(100));
  for (let i = 0; i < 50; i++) {
    page.pass(10);
    assert.ok(page.queue.playing.playedMs <= 100);
  }
});

test('a clear is silence at once, and tells what was heard of the item', () => {
  const page = new Played({ latency: 0.1 });
  page.queue.append(part('a'), speech(2000));
  page.pass(700);
  const cleared = page.queue.clear();
  page.pass(300);
  assert.deepEqual({ ...cleared, playedMs: 0 }, { ...part('a'), playedMs: 0 });
  near(cleared.playedMs, 600, 3);
  near(page.heard.at(-1)[1], 705, 5);
  assert.equal(page.queue.playing, null);
});

test('a clear fades out and makes no click', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(2000));
  page.pass(700);
  page.queue.clear();
  page.pass(50);
  const tail = page.sound.slice(Math.round(0.69 * page.rate));
  const steps = tail.slice(1).map((value, i) => Math.abs(value - tail[i]));
  assert.ok(Math.max(...steps) < 0.005, `${Math.max(...steps)}`);
  assert.equal(page.sound.at(-1), 0);
});

test('audio of an answer that was cleared is not played when it comes late', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(500));
  page.pass(100);
  page.queue.clear();
  page.queue.append(part('a'), speech(500));
  page.queue.end('a');
  page.pass(500);
  assert.equal(page.queue.playing, null);
  assert.ok(page.heard.at(-1)[1] < 115);
});

test('what comes behind a clear counts from 0 again', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(2000));
  page.pass(700);
  page.queue.clear();
  page.queue.append(part('b'), speech(1000));
  page.pass(400);
  assert.deepEqual({ ...page.queue.playing, playedMs: 0 }, { ...part('b'), playedMs: 0 });
  near(page.queue.playing.playedMs, 400, 10);
});

test('nothing to clear is null', () => {
  const page = new Played();
  assert.equal(page.queue.clear(), null);
  page.queue.append(part('a'), speech(100));
  page.queue.end('a');
  page.pass(500);
  assert.equal(page.queue.clear(), null);
});

test('items of one answer are told apart', () => {
  const page = new Played();
  page.queue.append(part('a', 'one'), speech(300));
  page.queue.append(part('a', 'two'), speech(500));
  page.pass(500);
  const { itemId, playedMs } = page.queue.playing;
  assert.equal(itemId, 'two');
  near(playedMs, 200, 5);
  page.queue.end('a');
  page.pass(500);
  assert.deepEqual(
    page.events.map(([type]) => type),
    ['started', 'stopped'],
  );
});

test('an answer behind another one ends that one', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(300));
  page.queue.end('a');
  page.queue.append(part('b'), speech(300));
  page.queue.end('b');
  page.pass(1000);
  assert.deepEqual(
    page.events.map(([type, id]) => `${type} ${id}`),
    ['started a', 'stopped a', 'started b', 'stopped b'],
  );
});

test('a gap is silence, is counted, and does not confuse the clock', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(300));
  page.pass(1000);
  assert.equal(page.underruns, 1);
  page.queue.append(part('a'), speech(300));
  page.pass(100);
  near(page.queue.playing.playedMs, 400, 5);
  page.queue.end('a');
  page.pass(500);
  assert.equal(page.underruns, 1);
  assert.equal(page.heard.length, 2);
  near(page.events.at(-1)[2], page.heard[1][1], 30);
});

test('the end of an answer is no gap', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(300));
  page.queue.end('a');
  page.pass(1000);
  assert.equal(page.underruns, 0);
});

test('playback waits until 60 ms are there, or the answer is complete, or 200 ms have passed', () => {
  const begins = ({ queue }, then) => {
    queue.append(part('a'), speech(30));
    then(queue);
  };
  const [more, ended, alone] = [new Played(), new Played(), new Played()];
  begins(more, () => more.pass(100));
  more.queue.append(part('a'), speech(40));
  begins(ended, (queue) => queue.end('a'));
  begins(alone, () => undefined);
  for (const page of [more, ended, alone]) page.pass(400);
  near(more.heard[0][0], 100, 4);
  near(ended.heard[0][0], 0, 4);
  near(alone.heard[0][0], 200, 4);
});

test('audio that came before the browser was ready is not lost', () => {
  const page = new Played({ attached: false });
  page.queue.append(part('a'), speech(300));
  page.queue.end('a');
  page.pass(100);
  assert.deepEqual(page.queue.playing, { ...part('a'), playedMs: 0 });
  page.queue.attach(page);
  page.pass(500);
  near(page.heard[0][1] - page.heard[0][0], 300, 5);
  assert.deepEqual(
    page.events.map(([type]) => type),
    ['started', 'stopped'],
  );
});

test('a long answer is given on by and by, and played without a gap', () => {
  const page = new Played({ rate: 16_000 });
  let given = 0;
  const append = page.append.bind(page);
  page.append = (samples) => {
    given += samples.length;
    append(samples);
  };
  for (let i = 0; i < 300; i++) page.queue.append(part('a'), speech(100));
  page.queue.end('a');
  near(given / page.rate, 10, 0.2);
  page.pass(31_000);
  assert.equal(page.underruns, 0);
  assert.equal(page.heard.length, 1);
  near(page.heard[0][1] - page.heard[0][0], 30_000, 5);
  assert.deepEqual(
    page.events.map(([type]) => type),
    ['started', 'stopped'],
  );
});

test('ten minutes are kept, and what is beyond is dropped', () => {
  const queue = new PlaybackQueue();
  for (let i = 0; i < 61; i++) queue.append(part('a'), speech(10_000));
  let given = 0;
  const append = (samples) => (given += samples.length);
  // It is heard as soon as it is given.
  queue.attach({ rate: PCM_RATE, heardFrame: 1e12, append, end() {}, clear() {} });
  queue.report({ frame: 0, position: 0, playing: true });
  assert.equal(given / PCM_RATE, 600);
});

/** The same queue in another context, as after the machine's sleep. */
function reopened(page, rate = page.rate) {
  const next = new Played({ rate, attached: false });
  next.queue = page.queue;
  next.events = page.events;
  page.queue.attach(next);
  return next;
}

for (const rate of [48_000, 16_000]) {
  test(`in another context, at ${rate} Hz, an answer goes on where it was heard to`, () => {
    const page = new Played();
    page.queue.append(part('a'), speech(1000));
    page.queue.append(part('b'), speech(500));
    page.queue.end('a');
    page.pass(400);
    page.queue.detach();
    page.queue.end('b');
    near(page.queue.playing.playedMs, 400, 5);
    const next = reopened(page, rate);
    next.pass(300);
    assert.equal(next.queue.playing.itemId, 'item of a');
    near(next.queue.playing.playedMs, 700, 10);
    next.pass(1500);
    assert.deepEqual(
      page.events.map(([type, id]) => `${type} ${id}`),
      ['started a', 'stopped a', 'started b', 'stopped b'],
    );
    near(next.heard[0][1] - next.heard[0][0], 1100, 10);
  });
}

test('what is cut while there is no context was heard as far as the last one played it', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(1000));
  page.queue.end('a');
  page.pass(400);
  page.queue.detach();
  near(page.queue.clear().playedMs, 400, 5);
  const next = reopened(page);
  next.pass(500);
  assert.deepEqual([next.heard, next.queue.playing], [[], null]);
});

test('an answer of which all that came was heard is not heard again in another context', () => {
  const page = new Played();
  page.queue.append(part('a'), speech(200));
  page.pass(500);
  page.queue.detach();
  const next = reopened(page);
  next.pass(300);
  assert.deepEqual(next.heard, []);
  near(next.queue.playing.playedMs, 200, 1);
  next.queue.append(part('a'), speech(200));
  next.queue.end('a');
  next.pass(500);
  assert.equal(next.events.at(-1)[0], 'stopped');
  near(next.heard[0][1] - next.heard[0][0], 200, 5);
});

test('an answer without audio starts and stops nothing', () => {
  const page = new Played();
  page.queue.end('a');
  page.pass(300);
  assert.deepEqual(page.events, []);
});

for (const rate of [44_100, 16_000, 24_000]) {
  test(`the clock is right at ${rate} Hz`, () => {
    const page = new Played({ rate });
    page.queue.append(part('a'), speech(1000));
    page.pass(500);
    near(page.queue.playing.playedMs, 500, 1 + (QUANTUM * 1000) / rate);
  });
}

test('a latency that cannot be is not believed', () => {
  assert.equal(outputLatency({}), 0);
  assert.equal(outputLatency({ baseLatency: 0.25, outputLatency: 0.5 }), 0.75);
  assert.equal(outputLatency({ baseLatency: 0.01, outputLatency: NaN }), 0.01);
  assert.equal(outputLatency({ baseLatency: 0.01, outputLatency: 40 }), 0.01);
  assert.equal(outputLatency({ baseLatency: -1, outputLatency: 0.1 }), 0.1);
});

test('a browser that hangs when it is asked for its latency is not asked', () => {
  const context = {
    baseLatency: 0.25,
    get outputLatency() {
      throw new Error('asked');
    },
  };
  const latency = outputLatency(context, true);
  assert.ok(latency > 0.25 && latency < 0.5);
  assert.throws(() => outputLatency(context, false), /asked/);
});
