// The session's settings: what differs from the server's is sent, and nothing else; choices last, keys do not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Preferences } from '../../../src/antiphon/web/page/preferences.js';
import {
  asConfig,
  changes,
  parseTools,
  partOf,
  read,
  same,
  withPart,
} from '../../../src/antiphon/web/page/session-draft.js';

const SESSION = {
  instructions: 'Be brief.',
  tools: [],
  audio: {
    input: { turn_detection: { type: 'server_vad', threshold: 0.5, idle_timeout_ms: null } },
    output: { voice: 'alloy', speed: 1 },
  },
};

test('only what differs from the session is sent', () => {
  const draft = { 'audio.output.voice': 'marin', 'audio.output.speed': 1, instructions: 'Be brief.' };
  assert.deepEqual(changes(draft, SESSION), [{ part: 'audio.output.voice', from: 'alloy', to: 'marin' }]);
});

test('without a session all that was chosen is sent', () => {
  const draft = { 'audio.output.speed': 1, 'audio.input.turn_detection': null };
  assert.deepEqual(asConfig(changes(draft, null)), {
    audio: { output: { speed: 1 }, input: { turn_detection: null } },
  });
});

test('a turn detection is sent as a whole, though one field of it differs', () => {
  const detection = { type: 'server_vad', threshold: 0.7 };
  assert.deepEqual(asConfig(changes({ 'audio.input.turn_detection': detection }, SESSION)), {
    audio: { input: { turn_detection: detection } },
  });
});

test('a null field is one that is left out, and the order of fields does not matter', () => {
  assert.ok(same({ a: 1, b: null }, { a: 1 }));
  assert.ok(same({ a: 1, b: 2 }, { b: 2, a: 1 }));
  assert.ok(!same([1, 2], [2, 1]));
  assert.ok(!same(null, { type: 'server_vad' }));
  assert.deepEqual(changes({ 'audio.input.turn_detection': { threshold: 0.5, type: 'server_vad' } }, SESSION), []);
});

test('to turn the turn detection off is a change', () => {
  assert.equal(changes({ 'audio.input.turn_detection': null }, SESSION).length, 1);
});

test('a part that is left to the server is not in the draft', () => {
  const draft = withPart({ instructions: 'Be brief.' }, 'audio.input.turn_detection', null);
  assert.deepEqual(draft, { instructions: 'Be brief.', 'audio.input.turn_detection': null });
  assert.deepEqual(withPart(draft, 'instructions', undefined), { 'audio.input.turn_detection': null });
});

test('an error finds its part by its param', () => {
  assert.equal(partOf('session.audio.output.speed'), 'audio.output.speed');
  assert.equal(partOf('session.audio.input.turn_detection.threshold'), 'audio.input.turn_detection');
  assert.equal(partOf('session.tools[0].name'), 'tools');
  assert.equal(partOf('session.tooling'), null);
  assert.equal(partOf(null), null);
});

test('a part is read where it is, and undefined where it is not', () => {
  assert.equal(read(SESSION, 'audio.output.voice'), 'alloy');
  assert.equal(read(SESSION, 'audio.input.transcription'), undefined);
  assert.equal(read(null, 'instructions'), undefined);
});

test('tools are a JSON list, or nothing', () => {
  assert.deepEqual(parseTools('[{"type": "function", "name": "wave"}]'), [{ type: 'function', name: 'wave' }]);
  assert.deepEqual(parseTools('  '), []);
  assert.throws(() => parseTools('{}'), SyntaxError);
  assert.throws(() => parseTools('[{'), SyntaxError);
});

function store(text = null) {
  const kept = { text };
  return { kept, getItem: () => kept.text, setItem: (_, value) => (kept.text = value) };
}

test('choices are there again after the page was loaded anew', () => {
  const browser = store();
  new Preferences(browser).choose({
    theme: 'dark',
    transports: ['websocket', 'text'],
    draft: { 'audio.output.voice': 'ash' },
  });
  const { theme, transports, draft } = new Preferences(browser).choices;
  assert.deepEqual(
    { theme, transports, draft },
    { theme: 'dark', transports: ['websocket', 'text'], draft: { 'audio.output.voice': 'ash' } },
  );
});

test('what is stored in another shape is left out', () => {
  for (const text of ['nonsense', 'null', '[]', '{"theme": "pink", "transports": ["pigeon"], "draft": 3}']) {
    const { theme, transports } = new Preferences(store(text)).choices;
    assert.equal(theme, null);
    assert.equal(transports.length, 4);
  }
});

test('a browser that stores nothing is no hindrance', () => {
  const refusing = {
    getItem: () => null,
    setItem: () => {
      throw new Error('full');
    },
  };
  for (const browser of [null, refusing]) {
    const preferences = new Preferences(browser);
    preferences.choose({ theme: 'light' });
    assert.equal(preferences.choices.theme, 'light');
  }
});

test('nothing is asked of the session that nobody chose', () => {
  const preferences = new Preferences(null);
  assert.deepEqual(preferences.choices.draft, {});
  preferences.choose({ draft: { 'audio.output.voice': 'ash' } });
  preferences.resetDraft();
  assert.deepEqual(preferences.choices.draft, {});
});

test('the transcription that older pages stored unasked is dropped, a chosen one is not', () => {
  const part = 'audio.input.transcription';
  const draftOf = (transcription) =>
    new Preferences(store(JSON.stringify({ draft: { [part]: transcription, instructions: 'Be brief.' } }))).choices
      .draft;
  const model = 'gpt-4o-mini-transcribe';
  assert.deepEqual(draftOf({ model }), { instructions: 'Be brief.' });
  assert.deepEqual(draftOf({ model, language: 'de' })[part], { model, language: 'de' });
});
