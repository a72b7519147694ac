import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStreamParser } from '../../../src/antiphon/web/client/transports/event-stream.js';

const STREAM =
  'retry: 1000\n\nid: T/e1\ndata: {"a":"häß€😀"}\n\n: alive\n\ndata: one\r\ndata:two\r\n\r\ndata\rdata: x\r\rdata: cut';
const MESSAGES = ['{"a":"häß€😀"}', 'one\ntwo', '\nx'];

test('a stream is read alike, wherever it is cut', () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let size = 1; size <= bytes.length; size++) {
    const parser = new EventStreamParser();
    const read = [];
    for (let at = 0; at < bytes.length; at += size) read.push(...parser.push(bytes.subarray(at, at + size)));
    assert.deepEqual(read, MESSAGES, `cut after each ${size} bytes`);
    assert.equal(parser.retry, 1000);
  }
});

test('a message without an end is not kept for ever', () => {
  const parser = new EventStreamParser();
  const piece = new TextEncoder().encode('data: ' + 'x'.repeat(1_000_000));
  assert.throws(() => {
    for (let count = 0; count < 40; count++) parser.push(piece);
  }, RangeError);
});

test('comments count for nothing, however long they go on', () => {
  const parser = new EventStreamParser();
  const comment = new TextEncoder().encode(`:${' '.repeat(999_990)}\n\n`);
  for (let count = 0; count < 40; count++) assert.deepEqual(parser.push(comment), []);
  assert.deepEqual(parser.push(new TextEncoder().encode('data: 1\n\n')), ['1']);
});
