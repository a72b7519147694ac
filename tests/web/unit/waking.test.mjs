import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchWaking } from '../../../src/antiphon/web/client/waking.js';
import { VirtualClock } from './virtual-clock.mjs';

/** A browser that can be seen through, and what was told of it. */
function browser(connectionType) {
  const seen = { clock: new VirtualClock(), told: [], stop: new AbortController() };
  seen.window = new EventTarget();
  seen.document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  seen.connection = Object.assign(new EventTarget(), { type: connectionType });
  const around = {
    window: seen.window,
    document: seen.document,
    navigator: { onLine: true, connection: seen.connection },
  };
  watchWaking(around, seen.clock, (waking) => seen.told.push(waking), seen.stop.signal);
  seen.show = (state) => {
    seen.document.visibilityState = state;
    seen.document.dispatchEvent(new Event('visibilitychange'));
  };
  return seen;
}

test('a network that is there again, a page that is looked at or restored, are told', () => {
  const seen = browser();
  seen.window.dispatchEvent(new Event('online'));
  seen.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
  seen.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  seen.show('hidden');
  seen.show('visible');
  assert.deepEqual(seen.told, ['online', 'restored', 'visible']);
});

test('time that was lost is sleep, once', async () => {
  const seen = browser();
  await seen.clock.pass(60_000);
  assert.deepEqual(seen.told, []);
  seen.clock.slept += 30_000;
  await seen.clock.pass(10_000);
  assert.deepEqual(seen.told, ['slept']);
});

test('timers that are held back in a hidden page are no sleep', async () => {
  const seen = browser();
  seen.show('hidden');
  seen.clock.slept += 58_000;
  await seen.clock.pass(2000);
  seen.clock.slept += 58_000;
  seen.show('visible');
  assert.deepEqual(seen.told, ['visible']);
});

test('a hidden page that has slept knows it when it is looked at', () => {
  const seen = browser();
  seen.show('hidden');
  seen.clock.slept += 600_000;
  seen.show('visible');
  assert.deepEqual(seen.told, ['slept']);
});

test('another network is told, another estimate of its speed is not', () => {
  const seen = browser('wifi');
  const change = (type) => {
    seen.connection.type = type;
    seen.connection.dispatchEvent(new Event('change'));
  };
  ['wifi', 'cellular', 'none', 'wifi'].forEach(change);
  assert.deepEqual(seen.told, ['network_changed', 'network_changed']);
});

test('in the end nothing is watched any more', async () => {
  const seen = browser();
  seen.stop.abort();
  seen.window.dispatchEvent(new Event('online'));
  seen.clock.slept += 30_000;
  await seen.clock.pass(10_000);
  assert.deepEqual(seen.told, []);
  assert.equal(seen.clock.timers.size, 0);
});
