import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SampleJoiner, decodeBase64, encodePcm } from '../../../src/antiphon/web/client/transports/base64.js';
import { base64Of } from './transports-fakes.mjs';

const SAMPLES = [0, 1, -1, 32767, -32768, 258];

test('samples become base64 of their little-endian bytes', () => {
  assert.equal(encodePcm(new Int16Array(SAMPLES)), base64Of(SAMPLES));
  const long = Array.from({ length: 30_000 }, (_, at) => (at % 65_536) - 32_768);
  assert.equal(encodePcm(new Int16Array(long)), base64Of(long));
});

test('a part of a larger buffer is encoded alone', () => {
  assert.equal(encodePcm(new Int16Array(SAMPLES).subarray(2, 4)), base64Of([-1, 32767]));
});

test('what is no base64 is no audio', () => {
  assert.equal(decodeBase64('%%%').length, 0);
});

test('samples are whole again, wherever their bytes were cut', () => {
  const bytes = decodeBase64(base64Of(SAMPLES));
  for (const size of [1, 2, 3, 5, 7, 12]) {
    const joiner = new SampleJoiner();
    const joined = [];
    for (let at = 0; at < bytes.length; at += size) {
      joined.push(...joiner.join(bytes.subarray(at, at + size)), ...joiner.join(new Uint8Array()));
    }
    assert.deepEqual(joined, SAMPLES, `in parts of ${size} bytes`);
  }
});
