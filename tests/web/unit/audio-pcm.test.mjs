import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chunker, RATE, Resampler, toFloat, toInt16 } from '../../../src/antiphon/web/client/audio/pcm.js';

const tone = (hz, rate, samples) =>
  Float32Array.from({ length: samples }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
const decibels = (samples) =>
  10 * Math.log10(samples.reduce((sum, value) => sum + value * value, 0) / samples.length / 0.5);

function resampled(samples, from, to, part = 128, options = {}) {
  const resampler = new Resampler(from, to, options);
  const parts = [];
  for (let i = 0; i < samples.length; i += part) parts.push(...resampler.process(samples.slice(i, i + part)));
  if (options.aligned) parts.push(...resampler.flush());
  return Float32Array.from(parts);
}

for (const from of [48_000, 44_100, 16_000, 8_000, 96_000]) {
  test(`a tone of 1 kHz at ${from} Hz passes within 0.1 dB`, () => {
    const heard = resampled(tone(1000, from, from), from, RATE).slice(2000, 22_000);
    assert.ok(Math.abs(decibels(heard)) < 0.1, `${decibels(heard)} dB`);
  });
}

for (const from of [48_000, 44_100, 96_000]) {
  test(`a tone of 15 kHz at ${from} Hz is down by 50 dB and more`, () => {
    const heard = resampled(tone(15_000, from, from), from, RATE).slice(2000, 22_000);
    assert.ok(decibels(heard) < -50, `${decibels(heard)} dB`);
  });

  test(`a tone of 9 kHz at ${from} Hz passes within 0.1 dB`, () => {
    const heard = resampled(tone(9_000, from, from), from, RATE).slice(2000, 22_000);
    assert.ok(Math.abs(decibels(heard)) < 0.1, `${decibels(heard)} dB`);
  });
}

for (const from of [48_000, 44_100, 16_000, 24_000]) {
  test(`no sample is lost or won over 100 seconds at ${from} Hz, whatever the parts`, () => {
    const resampler = new Resampler(from, RATE);
    let [given, got] = [0, 0];
    for (let i = 0; given < 100 * from; i++) {
      const part = Math.min(100 * from - given, [128, 441, 1, 480, 997][i % 5]);
      given += part;
      got += resampler.process(new Float32Array(part)).length;
      assert.ok(got === Math.ceil((given * RATE) / from), `${got} of ${given}`);
    }
    assert.equal(got, 100 * RATE);
  });
}

test('how the input is parted makes no difference', () => {
  const samples = tone(440, 44_100, 4410);
  assert.deepEqual(resampled(samples, 44_100, RATE, 128), resampled(samples, 44_100, RATE, 4410));
});

for (const to of [48_000, 44_100, 16_000]) {
  test(`an aligned stream to ${to} Hz has no delay, and all of its length`, () => {
    const heard = resampled(tone(1000, RATE, RATE), RATE, to, 480, { aligned: true });
    assert.equal(heard.length, to);
    const wanted = tone(1000, to, to);
    const worst = Math.max(...heard.slice(200, -200).map((value, i) => Math.abs(value - wanted[i + 200])));
    assert.ok(worst < 0.005, `${worst}`);
  });
}

test('behind a flush another stream begins in silence', () => {
  const resampler = new Resampler(RATE, 48_000, { aligned: true });
  resampler.process(tone(1000, RATE, 480));
  resampler.flush();
  assert.ok(resampler.process(new Float32Array(480)).every((value) => value === 0));
});

test('an equal rate leaves the samples as they are', () => {
  const samples = tone(1000, RATE, 100);
  assert.deepEqual(new Resampler(RATE, RATE).process(samples), samples);
});

test('samples are rounded, and clipped at the ends', () => {
  const samples = Float32Array.of(0, 0.5, -0.5, 1, -1, 7, -7, 1.4 / 32768);
  assert.deepEqual([...toInt16(samples)], [0, 16384, -16384, 32767, -32768, 32767, -32768, 1]);
});

test('PCM16 comes back as it was', () => {
  const pcm = Int16Array.of(0, 1, -1, 32767, -32768, 12345);
  assert.deepEqual(toInt16(toFloat(pcm)), pcm);
});

test('chunks are of one length, and lose nothing', () => {
  const chunks = [];
  const chunker = new Chunker(4, (chunk) => chunks.push([...chunk]));
  for (const part of [[1, 2, 3], [], [4, 5, 6, 7, 8, 9, 10, 11], [12]]) chunker.push(Int16Array.from(part));
  assert.deepEqual(chunks, [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 11, 12],
  ]);
});
