// Which raw events are shown, and how they are taken along.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filtered, groupOf, toJsonLines, withoutSecrets } from '../../../src/antiphon/web/page/event-filter.js';

const logged = (type, direction = 'in', more = {}) => ({
  at: 10,
  direction,
  event: { type, ...more },
  transport: 'webrtc',
});
const LOG = [
  logged('session.created'),
  logged('session.update', 'out', { session: { audio: { output: { voice: 'Marin' } } } }),
  logged('error', 'in', { error: { message: 'no such voice' } }),
  logged('response.done'),
];
const ALL = { search: '', direction: 'both', group: 'all' };
const types = (log) => log.map(({ event }) => event.type);

test('each type belongs to a group', () => {
  const found = [
    'error',
    'response.output_audio.delta',
    'output_audio_buffer.started',
    'input_audio_buffer.append',
    'rate_limits.updated',
    'antiphon.media.missing',
  ].map(groupOf);
  assert.deepEqual(found, ['error', 'response', 'output', 'input', 'other', 'antiphon']);
});

test('without a wish all are shown, uncopied', () => {
  assert.equal(filtered(LOG, ALL), LOG);
});

test('all words of a search must be in the JSON, in any case and order', () => {
  assert.deepEqual(types(filtered(LOG, { ...ALL, search: 'VOICE update' })), ['session.update']);
  assert.deepEqual(types(filtered(LOG, { ...ALL, search: 'voice' })), ['session.update', 'error']);
});

test('direction and group narrow it down', () => {
  assert.deepEqual(types(filtered(LOG, { ...ALL, direction: 'out' })), ['session.update']);
  assert.deepEqual(types(filtered(LOG, { ...ALL, group: 'session', direction: 'in' })), ['session.created']);
});

test('exported events are one JSON object to a line, with the time of day', () => {
  const lines = toJsonLines(LOG.slice(0, 2), Date.UTC(2026, 0, 1))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines[0], {
    at: '2026-01-01T00:00:00.010Z',
    direction: 'in',
    transport: 'webrtc',
    event: { type: 'session.created' },
  });
  assert.equal(lines.length, 2);
});

test('the token of a conversation is neither shown nor exported', () => {
  const resumable = logged('antiphon.session.resumable', 'in', { token: 'secret', call_id: 'rtc_1' });
  assert.deepEqual(withoutSecrets(resumable.event), {
    type: 'antiphon.session.resumable',
    token: '…',
    call_id: 'rtc_1',
  });
  assert.ok(!toJsonLines([resumable], 0).includes('secret'));
});
