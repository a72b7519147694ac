import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Envelope, rms, toLevel } from '../../../src/antiphon/web/client/audio/levels.js';

test('silence is 0, full scale is 1, and halves of the scale are halves of the decibels', () => {
  assert.equal(toLevel(0), 0);
  assert.equal(toLevel(1), 1);
  assert.ok(Math.abs(toLevel(10 ** (-33 / 20)) - 0.5) < 1e-6);
});

test('rms of a full sine is 3 dB below 1, of nothing 0', () => {
  const sine = Float32Array.from({ length: 4800 }, (_, i) => Math.sin((2 * Math.PI * i) / 48));
  assert.ok(Math.abs(rms(sine) - Math.SQRT1_2) < 1e-6);
  assert.equal(rms(new Float32Array(0)), 0);
});

test('a meter jumps up and sinks slowly', () => {
  const meter = new Envelope();
  meter.follow(0, 0);
  assert.ok(meter.follow(1, 0.05) > 0.9);
  const later = meter.follow(0, 0.1);
  assert.ok(later > 0.7 && later < 0.9, `${later}`);
  assert.ok(meter.follow(0, 2) < 0.05);
});

test('a meter shows the same, however often it is looked at', () => {
  const [often, seldom] = [new Envelope(), new Envelope()];
  for (const meter of [often, seldom]) meter.follow(1, 0);
  for (let i = 1; i <= 30; i++) often.follow(0, i / 100);
  assert.ok(Math.abs(often.follow(0, 0.3) - seldom.follow(0, 0.3)) < 1e-9);
});
