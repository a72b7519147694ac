import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../../src/antiphon/web/client/history.js';

const BYTES_PER_MS = 48;

function told(events, options) {
  const history = new History(options);
  events.forEach((event, at) => history.receive({ event_id: `event_${at}`, ...event }, at));
  return history;
}

const user = (id, part) => ({ id, type: 'message', role: 'user', status: 'completed', content: [part] });
const assistant = (id, content = [], status = 'in_progress') => ({
  id,
  type: 'message',
  role: 'assistant',
  status,
  content,
});
const added = (item, previous_item_id = null) => ({ type: 'conversation.item.added', item, previous_item_id });
const done = (item, previous_item_id = null) => ({ type: 'conversation.item.done', item, previous_item_id });
const begun = (id, conversation_id = 'conv') => ({
  type: 'response.created',
  response: { id, status: 'in_progress', conversation_id },
});
const begunItem = (response_id, item) => ({ type: 'response.output_item.added', response_id, output_index: 0, item });
const ended = (id, status, output) => ({ type: 'response.done', response: { id, status, output } });
const said = (item_id, delta, response_id = 'resp') => ({
  type: 'response.output_audio_transcript.delta',
  ...{ response_id, item_id, content_index: 0, delta },
});
const sound = (item_id, ms) => ({
  type: 'response.output_audio.delta',
  ...{ response_id: 'resp', item_id, content_index: 0, delta: '', audio_bytes: ms * BYTES_PER_MS },
});
const cut = (item_id, audio_end_ms) => ({
  type: 'conversation.item.truncated',
  item_id,
  content_index: 0,
  audio_end_ms,
});
const transcript = (kind, fields) => ({
  type: `conversation.item.input_audio_transcription.${kind}`,
  content_index: 0,
  ...fields,
});
const SPEECH = [
  { type: 'input_audio_buffer.speech_started', item_id: 'u1', audio_start_ms: 0 },
  added(user('u1', { type: 'input_audio', transcript: null })),
];
const ANSWER = [begun('resp'), begunItem('resp', assistant('a1')), added(assistant('a1'))];
const outline = (history) => history.entries.map(({ from, text, status }) => [from, text, status]);

test('what the user says has an entry from the first sound, and words as they come', () => {
  const history = told(SPEECH.slice(0, 1));
  assert.deepEqual(outline(history), [['user', '', 'growing']]);
  history.receive(transcript('delta', { item_id: 'u1', delta: 'Good ' }), 2);
  history.receive(SPEECH[1], 3);
  history.receive(transcript('delta', { item_id: 'u1', delta: 'mor' }), 4);
  assert.deepEqual(history.entries[0], {
    ...{ id: 'u1', from: 'user', text: 'Good mor', status: 'done', heard: null },
    ...{ spoken: true, pending: true, call: null, at: 0 },
  });
  const entry = history.receive(transcript('completed', { item_id: 'u1', transcript: 'Good morning.' }), 5);
  assert.equal(entry, history.entries[0]);
  assert.deepEqual([entry.text, entry.pending], ['Good morning.', false]);
});

test('a transcript may come before anything else of its item', () => {
  const history = told([transcript('delta', { item_id: 'u1', delta: 'Hi' })]);
  assert.deepEqual(outline(history), [['user', 'Hi', 'growing']]);
});

test('no transcript is awaited in a session that makes none, or when it failed', () => {
  const silent = { type: 'session.created', session: { audio: { input: { transcription: null } } } };
  assert.equal(told([silent, ...SPEECH]).entries[0].pending, false);
  const failed = told([...SPEECH, transcript('failed', { item_id: 'u1' })]);
  assert.equal(failed.entries[0].pending, false);
});

test('speech that is cleared was never said', () => {
  const history = told([...SPEECH, { ...SPEECH[0], item_id: 'u2' }, { type: 'input_audio_buffer.cleared' }]);
  assert.deepEqual(
    history.entries.map(({ id }) => id),
    ['u1'],
  );
});

test('entries stand in the order of the conversation, not in that of their events', () => {
  const history = told([
    SPEECH[0],
    ...ANSWER,
    said('a1', 'Welcome.'),
    added(user('u1', { type: 'input_audio', transcript: null }), 'a1'),
  ]);
  assert.deepEqual(
    history.entries.map(({ id }) => id),
    ['a1', 'u1'],
  );
});

test('at the end of an item, null tells nothing of its place', () => {
  const item = assistant('a1', [{ type: 'output_audio', transcript: 'Hello.' }], 'completed');
  const history = told([...SPEECH, begun('resp'), added(assistant('a1'), 'u1'), done(item, null)]);
  assert.deepEqual(
    history.entries.map(({ id }) => id),
    ['u1', 'a1'],
  );
});

test('items that nobody is to see still have their place', () => {
  const system = { id: 's1', type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief.' }] };
  const one = user('u1', { type: 'input_text', text: 'One' });
  const two = user('u2', { type: 'input_text', text: 'Two' });
  const history = told([added(system), added(one, 's1'), added(two, 's1')]);
  assert.deepEqual(
    history.entries.map(({ text }) => text),
    ['Two', 'One'],
  );
});

test('an answer grows with its words and is done with its response', () => {
  const history = told([...ANSWER, said('a1', 'There are '), said('a1', '4 bedrooms.')]);
  assert.deepEqual(outline(history), [['assistant', 'There are 4 bedrooms.', 'growing']]);
  assert.equal(history.entries[0].spoken, true);
  history.receive(
    done(assistant('a1', [{ type: 'output_audio', transcript: 'There are 4 bedrooms.' }], 'completed')),
    9,
  );
  assert.deepEqual(outline(history), [['assistant', 'There are 4 bedrooms.', 'done']]);
});

test('an answer in writing is not spoken', () => {
  const delta = {
    type: 'response.output_text.delta',
    response_id: 'resp',
    item_id: 'a1',
    content_index: 0,
    delta: 'Yes',
  };
  const history = told([...ANSWER, delta]);
  assert.deepEqual([history.entries[0].text, history.entries[0].spoken], ['Yes', false]);
});

test('what is answered outside of the conversation is not shown', () => {
  const history = told([begun('resp', null), begunItem('resp', assistant('a1')), said('a1', 'Category: sports')]);
  assert.deepEqual(history.entries, []);
});

test('an interrupted answer tells how much of it was heard, where its audio came in events', () => {
  const history = told([
    ...ANSWER,
    ...[said('a1', 'One two three. '), sound('a1', 1000)],
    ...[said('a1', 'Four five six.'), sound('a1', 1000)],
    ended('resp', 'cancelled', [assistant('a1', [], 'incomplete')]),
    cut('a1', 1000),
  ]);
  const [{ status, heard, text }] = history.entries;
  assert.equal(status, 'cut');
  assert.equal(text.slice(0, heard), 'One two three.');
});

test('of a word that was cut nothing was heard', () => {
  const history = told([...ANSWER, said('a1', 'Wonderful weather'), sound('a1', 1700), cut('a1', 1300)]);
  const [{ heard, text }] = history.entries;
  assert.equal(text.slice(0, heard), 'Wonderful');
});

test('a truncation at the very end cuts nothing', () => {
  const whole = assistant('a1', [{ type: 'output_audio', transcript: 'All of it.' }], 'completed');
  const history = told([...ANSWER, said('a1', 'All of it.'), sound('a1', 800), done(whole), cut('a1', 800)]);
  assert.deepEqual(outline(history), [['assistant', 'All of it.', 'done']]);
  assert.equal(history.entries[0].heard, null);
});

test('where audio is media, what was heard follows from the pace of speech', () => {
  const history = told([...ANSWER, said('a1', 'word '.repeat(60)), cut('a1', 4000)]);
  const { heard } = history.entries[0];
  assert.ok(heard > 40 && heard < 80, `${heard} characters in 4 s`);
});

test('the pace of a voice is learned from what it has said to the end', () => {
  const slow = [
    begun('slow'),
    begunItem('slow', assistant('a0')),
    added(assistant('a0')),
    said('a0', 'word '.repeat(10), 'slow'),
  ];
  const history = told(slow);
  history.receive({ type: 'output_audio_buffer.started', response_id: 'slow' }, 0);
  history.receive({ type: 'output_audio_buffer.stopped', response_id: 'slow' }, 10_000);
  [...ANSWER, said('a1', 'word '.repeat(60)), cut('a1', 4000)].forEach((event) => history.receive(event, 10_001));
  assert.ok(history.entries[1].heard < 45);
});

test('Chinese takes longer to say than as many letters', () => {
  const history = told([...ANSWER, said('a1', '今天天气很好我们去公园散步吧'.repeat(4)), cut('a1', 2000)]);
  const { heard } = history.entries[0];
  assert.ok(heard >= 5 && heard <= 15, `${heard} characters in 2 s`);
});

test('numbers take longer to say than as many letters', () => {
  const heardOf = (text) => told([...ANSWER, said('a1', text), cut('a1', 2000)]).entries[0].heard;
  assert.ok(heardOf('489 000 '.repeat(9)) < heardOf('abc def '.repeat(9)) / 2);
});

test('the transcript that a truncation takes away stays', () => {
  const history = told([
    ...ANSWER,
    said('a1', 'A long story.'),
    cut('a1', 100),
    done(assistant('a1', [{ type: 'output_audio', transcript: null }], 'incomplete')),
  ]);
  assert.deepEqual(outline(history), [['assistant', 'A long story.', 'cut']]);
});

test('of a cancelled response only what was not complete is cut', () => {
  const whole = assistant('a1', [{ type: 'output_text', text: 'Whole.' }], 'completed');
  const half = assistant('a2', [{ type: 'output_text', text: 'Ha' }], 'incomplete');
  const history = told([
    begun('resp'),
    added(whole),
    done(whole),
    added(half, 'a1'),
    done(half, 'a1'),
    ended('resp', 'cancelled', [whole, half]),
  ]);
  assert.deepEqual(outline(history), [
    ['assistant', 'Whole.', 'done'],
    ['assistant', 'Ha', 'cut'],
  ]);
});

test('what the user writes shows at once, and once', () => {
  const history = new History();
  const item = user('u1', { type: 'input_text', text: 'Hello' });
  assert.equal(history.write(item, 1), history.entries[0]);
  [added(item), done(item)].forEach((event) => history.receive(event, 2));
  assert.deepEqual(outline(history), [['user', 'Hello', 'done']]);
});

test('calls are entries: arguments as they come, the result, and whose tool it is', () => {
  const call = {
    id: 'f1',
    type: 'function_call',
    call_id: 'call_1',
    name: 'look',
    arguments: '',
    status: 'in_progress',
  };
  const argued = {
    type: 'response.function_call_arguments.delta',
    response_id: 'resp',
    item_id: 'f1',
    call_id: 'call_1',
  };
  const history = told([added(call), { ...argued, delta: '{"a"' }, { ...argued, delta: ':1}' }], {
    isOwnTool: (name) => name === 'look',
  });
  assert.deepEqual(history.entries[0].call, {
    callId: 'call_1',
    name: 'look',
    arguments: '{"a":1}',
    output: null,
    status: 'running',
  });
  history.receive(added({ id: 'o1', type: 'function_call_output', call_id: 'call_1', output: '7' }, 'f1'), 9);
  assert.deepEqual([history.entries[0].call.output, history.entries[0].call.status], ['7', 'done']);
  assert.equal(told([added(call)]).entries[0].call.status, 'elsewhere');
});

test('deleted items go', () => {
  const history = told([...SPEECH, { type: 'conversation.item.deleted', item_id: 'u1' }]);
  assert.deepEqual(history.entries, []);
});

test('the oldest entries go when there are too many', () => {
  const history = told(
    [1, 2, 3].map((n) => added(user(`u${n}`, { type: 'input_text', text: `${n}` }), n > 1 ? `u${n - 1}` : null)),
    { most: 2 },
  );
  assert.deepEqual(
    history.entries.map(({ id }) => id),
    ['u2', 'u3'],
  );
});

test('a lost conversation is carried over as text of both sides, as far as it was heard', () => {
  const history = told([
    ...SPEECH,
    transcript('completed', { item_id: 'u1', transcript: 'Hello?' }),
    begun('resp'),
    added(assistant('a1'), 'u1'),
    ...[said('a1', 'Hello there. How are you?'), sound('a1', 2500), cut('a1', 1200)],
  ]);
  assert.deepEqual(history.carryOver(10), [
    { id: 'u1', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello?' }] },
    { id: 'a1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello there.' }] },
  ]);
});

test('what a new session tells of what was carried over changes nothing, and new items follow behind all', () => {
  const call = { id: 'f1', type: 'function_call', call_id: 'c', name: 'x', arguments: '{}', status: 'completed' };
  const history = told([
    ...SPEECH,
    transcript('completed', { item_id: 'u1', transcript: 'Hello?' }),
    added(call, 'u1'),
  ]);
  const carried = history.carryOver(10);
  const before = history.entries;
  for (const item of carried) [added(item), done(item)].forEach((event) => history.receive(event, 50));
  assert.deepEqual(history.entries, before);
  history.receive(added(user('u2', { type: 'input_text', text: 'Next' }), 'u1'), 60);
  assert.deepEqual(
    history.entries.map(({ id }) => id),
    ['u1', 'f1', 'u2'],
  );
});

test('an event that is not known, or has no item, changes nothing', () => {
  const history = told(SPEECH);
  const before = history.entries;
  assert.equal(history.receive({ type: 'rate_limits.updated', rate_limits: [] }, 9), null);
  assert.equal(history.receive(cut('nobody', 5), 9), null);
  assert.equal(history.entries, before);
});
