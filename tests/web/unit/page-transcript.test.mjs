// The transcript as text: what was heard, what was cut off, and all of it for the clipboard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asDuration, inMs, inSeconds, prettyJson } from '../../../src/antiphon/web/page/format.js';
import { asText, cutText } from '../../../src/antiphon/web/page/transcript-text.js';

const entry = (more) => ({
  id: 'item_1',
  from: 'assistant',
  status: 'done',
  text: '',
  heard: null,
  spoken: true,
  pending: false,
  call: null,
  at: 0,
  ...more,
});
const TEXT = 'The garden is large and sunny.';

test('an answer is cut behind the word that was heard last', () => {
  const cut = cutText(entry({ text: TEXT, status: 'cut', heard: 6 }));
  assert.deepEqual(cut, { heard: 'The garden', unheard: ' is large and sunny.' });
});

test('of an answer that was cut before its first word nothing was heard', () => {
  assert.equal(cutText(entry({ text: TEXT, status: 'cut', heard: 0 })).heard, '');
});

test('writing without spaces is cut where it was heard', () => {
  const text = '庭はおよそ六百四十平方メートルで家の裏にあり南西を向いています';
  assert.equal(cutText(entry({ text, status: 'cut', heard: 5 })).heard, text.slice(0, 5));
});

test('what was not interrupted is whole', () => {
  assert.deepEqual(cutText(entry({ text: TEXT, heard: 5 })), { heard: TEXT, unheard: '' });
  assert.deepEqual(cutText(entry({ text: TEXT, status: 'cut', heard: null })), { heard: TEXT, unheard: '' });
});

test('a copied transcript says who, when, what, and what was cut off', () => {
  const call = { callId: 'call_1', name: 'book', arguments: '{"day":1}', output: null, status: 'running' };
  const history = [
    entry({ from: 'user', text: 'Tell me.', at: 1 }),
    entry({ text: TEXT, status: 'cut', heard: 10, at: 2 }),
    entry({ from: 'tool', call, at: 3 }),
  ];
  const text = asText(history, { name: (from) => from, clock: (at) => `0:0${at}`, cut: 'cut' });
  assert.equal(
    text,
    '[0:01] user: Tell me.\n[0:02] assistant: The garden [cut] is large and sunny.\n[0:03] tool: book({"day":1}) -> …\n',
  );
});

test('numbers are written as people read them', () => {
  assert.equal(inSeconds(634, 'en'), '0.63');
  assert.equal(inSeconds(634, 'de'), '0,63');
  assert.equal(inSeconds(12_340, 'en'), '12.3');
  assert.equal(inMs(1280.4, 'en'), '1,280 ms');
  assert.equal(asDuration(127_900), '2:07');
  assert.equal(asDuration(3_725_000), '1:02:05');
  assert.equal(prettyJson('{"a":1}'), '{\n  "a": 1\n}');
  assert.equal(prettyJson('{"a":'), '{"a":');
});
