import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUANTUM, Worklet } from './audio-worklets.mjs';

function capture(frames = 480) {
  const chunks = [];
  const worklet = new Worklet('capture-worklet.js', { processorOptions: { frames } });
  worklet.port.onmessage = ({ data }) => chunks.push(data);
  return { worklet, chunks };
}

const counting = (from) => Float32Array.from({ length: QUANTUM }, (_, i) => from + i);

test('what comes in is posted in chunks, in order', () => {
  const { worklet, chunks } = capture();
  for (let i = 0; i < 15; i++) worklet.render(counting(i * QUANTUM));
  assert.deepEqual(
    chunks.flatMap((chunk) => [...chunk]),
    Array.from({ length: 4 * 480 }, (_, i) => i),
  );
  assert.deepEqual(
    chunks.map((chunk) => chunk.length),
    [480, 480, 480, 480],
  );
});

test('chunks shorter than a quantum are as good', () => {
  const { worklet, chunks } = capture(50);
  worklet.render(counting(0));
  assert.deepEqual([...chunks[1]].slice(0, 2), [50, 51]);
});

test('a source that gives nothing is silence: time goes on', () => {
  const { worklet, chunks } = capture(QUANTUM);
  worklet.render(undefined);
  assert.deepEqual([...chunks[0]], new Array(QUANTUM).fill(0));
});

test('when it is told to stop it ends, and posts nothing more', () => {
  const { worklet, chunks } = capture(QUANTUM);
  worklet.port.postMessage('stop');
  assert.equal(worklet.render(counting(0)).alive, false);
  assert.equal(chunks.length, 0);
});
