import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ContextKeeper } from '../../../src/antiphon/web/client/audio/sound-context.js';

/** An AudioContext whose state and clock the test moves. */
class Context extends EventTarget {
  state = 'suspended';
  currentTime = 0;
  asked = [];
  /** What becomes of a wish to resume. */
  willing = true;

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
  async resume() {
    this.asked.push('resume');
    if (this.willing) this.become('running');
  }
  async suspend() {
    this.asked.push('suspend');
    this.state = 'suspended';
  }
  async close() {
    this.state = 'closed';
  }
}

let context;
let told;
const settle = async (t, ms = 0) => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  t.mock.timers.tick(ms);
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

beforeEach(() => {
  globalThis.document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  globalThis.addEventListener = () => undefined;
  context = new Context();
  told = [];
});

function keep(t) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const note = (what) => () => told.push(what);
  return new ContextKeeper(context, {
    onBlocked: note('blocked'),
    onRunning: note('running'),
    onStalled: note('stalled'),
  });
}

function seen(state) {
  globalThis.document.visibilityState = state;
  globalThis.document.dispatchEvent(new Event('visibilitychange'));
}

test('a context that may run runs, and nothing is said', async (t) => {
  keep(t).resume();
  await settle(t, 5000);
  assert.equal(context.state, 'running');
  assert.deepEqual(told, []);
});

test('a context that may not run is told, and the next gesture that helps, too', async (t) => {
  context.willing = false;
  keep(t).resume();
  await settle(t, 700);
  assert.deepEqual(told, ['blocked']);
  context.willing = true;
  globalThis.document.dispatchEvent(new Event('pointerup'));
  await settle(t);
  assert.deepEqual(told, ['blocked', 'running']);
});

test('where the browser says that sound is allowed, a slow device is waited for', async (t) => {
  Object.defineProperty(globalThis, 'navigator', {
    value: { getAutoplayPolicy: () => 'allowed' },
    configurable: true,
  });
  context.willing = false;
  keep(t).resume();
  await settle(t, 2000);
  context.become('running');
  await settle(t, 5000);
  assert.deepEqual(told, []);
});

test('an interruption is waited for; the context goes on when the page is seen again', async (t) => {
  keep(t).resume();
  await settle(t);
  seen('hidden');
  context.asked = [];
  context.become('interrupted');
  context.become('suspended');
  await settle(t, 1000);
  assert.deepEqual(context.asked, []);
  seen('visible');
  await settle(t, 1000);
  assert.equal(context.state, 'running');
});

test('a clock that stands still is set going again', async (t) => {
  keep(t).resume();
  await settle(t);
  context.asked = [];
  seen('visible');
  await settle(t, 700);
  assert.deepEqual(context.asked, ['suspend', 'resume']);
  context.currentTime = 1;
  await settle(t, 700);
  assert.deepEqual(told, []);
});

test('a clock that cannot be set going is told', async (t) => {
  keep(t).resume();
  await settle(t);
  context.become('interrupted');
  context.become('running');
  await settle(t, 700);
  await settle(t, 700);
  assert.deepEqual(told, ['stalled']);
});

test('a clock that runs is left alone', async (t) => {
  keep(t).resume();
  await settle(t);
  context.asked = [];
  seen('visible');
  context.currentTime = 0.5;
  await settle(t, 700);
  assert.deepEqual(context.asked, []);
});

test('what is closed is not woken any more', async (t) => {
  const keeper = keep(t);
  keeper.close();
  await settle(t);
  globalThis.document.dispatchEvent(new Event('pointerup'));
  seen('visible');
  await settle(t, 1000);
  assert.deepEqual([context.asked, context.state], [[], 'closed']);
});
