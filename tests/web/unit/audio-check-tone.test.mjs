import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hearTone, makeTone, shareAt } from '../../../src/antiphon/web/client/audio/check-tone.js';

const RATE = 24_000;
const NOISE = Int16Array.from({ length: RATE }, (_, i) => ((i * 48_271 * (i + 7)) % 4001) - 2000);

/** A microphone that gives out what `make` returns while the tone plays. */
const microphone = (pcm) => ({
  async capture(onPcm, { ms }) {
    const chunk = (RATE * ms) / 1000;
    for (let i = 0; i + chunk <= pcm.length; i += chunk) onPcm(pcm.subarray(i, i + chunk));
    return () => undefined;
  },
});

async function isHeard(t, pcm) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const heard = hearTone(microphone(pcm), async () => undefined);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  t.mock.timers.tick(1000);
  return heard;
}

test('the tone begins and ends softly, and is not too loud', () => {
  const tone = makeTone();
  assert.equal(tone.length, RATE * 0.9);
  assert.ok(Math.abs(tone[1]) < 200 && Math.abs(tone.at(-1)) < 200);
  assert.ok(tone.every((sample) => Math.abs(sample) < 0.75 * 32768));
});

test('a share is 1 for a tone of that pitch, about 0 for another, and 0 for silence', () => {
  const tone = Int16Array.from({ length: 960 }, (_, i) => 8000 * Math.sin((2 * Math.PI * 1000 * i) / RATE));
  assert.ok(shareAt(tone, 1000) > 0.98);
  assert.ok(shareAt(tone, 660) < 0.05);
  assert.equal(shareAt(new Int16Array(960), 1000), 0);
});

test('the tone is heard through quiet noise', async (t) => {
  const pcm = makeTone().map((sample, i) => sample / 4 + NOISE[i] / 10);
  assert.equal(await isHeard(t, pcm), true);
});

test('noise alone is not the tone', async (t) => {
  assert.equal(await isHeard(t, NOISE), false);
});
