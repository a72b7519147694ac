// Levels for a waveform that scrolls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LevelHistory } from '../../../src/antiphon/web/page/level-history.js';

const near = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-6, `${value} is not ${wanted}`);

test('of the levels within one bar the loudest counts', () => {
  const history = new LevelHistory(4, 50);
  for (const [level, now] of [
    [0.2, 0],
    [0.7, 20],
    [0.1, 40],
    [0.3, 50],
  ])
    history.add(level, now);
  near(history.at(1), 0.7);
  near(history.at(0), 0.3);
});

test('time without levels is silence', () => {
  const history = new LevelHistory(8, 50);
  history.add(0.9, 0);
  history.add(0.5, 200);
  near(history.at(4), 0.9);
  for (const age of [1, 2, 3]) near(history.at(age), 0);
});

test('what is older than the ring is gone', () => {
  const history = new LevelHistory(2, 50);
  for (let slot = 0; slot < 5; slot += 1) history.add((slot + 1) / 10, slot * 50);
  near(history.at(2), 0.3);
  near(history.at(3), 0);
});

test('a long sleep costs no more than the ring is long', () => {
  const history = new LevelHistory(4, 50);
  history.add(1, 0);
  history.add(0.4, 3_600_000);
  near(history.at(1), 0);
  near(history.at(0), 0.4);
});

test('clearing forgets all', () => {
  const history = new LevelHistory(4, 50);
  history.add(1, 0);
  history.add(1, 60);
  history.clear();
  near(history.at(0), 0);
  near(history.at(1), 0);
});
