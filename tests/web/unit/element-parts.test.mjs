// The element's pure parts: options, what was heard, the meter, the field, the list of devices.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sends } from '../../../src/antiphon/web/element/composer.js';
import { choices } from '../../../src/antiphon/web/element/device-menu.js';
import { TOOL_TEXTS, splitHeard } from '../../../src/antiphon/web/element/captions.js';
import { barHeights, litBars } from '../../../src/antiphon/web/element/meter.js';
import { clientOptions, transportsIn } from '../../../src/antiphon/web/element/options.js';
import { giveBack, takeNumber } from '../../../src/antiphon/web/element/options.js';

const PAGE = 'https://inn.example/rooms/';

function options(attributes = {}, given = {}) {
  return clientOptions((name) => attributes[name] ?? null, given, PAGE);
}

test('an element without attributes asks for nothing but what the client does by itself', () => {
  assert.deepEqual(options(), {});
});

test('relative URLs are relative to the page', () => {
  assert.equal(options({ url: '/voice/v1' }).url, 'https://inn.example/voice/v1');
  assert.equal(options({ url: 'https://voice.example/v1' }).url, 'https://voice.example/v1');
});

test('a token URL becomes a source of tokens; a token that is set goes before it', () => {
  assert.equal(typeof options({ 'token-url': 'token' }).token, 'function');
  assert.equal(options({ 'token-url': 'token' }, { token: 'ek_1' }).token, 'ek_1');
});

test('the token URL is told which agent is wanted', async (t) => {
  const asked = t.mock.method(globalThis, 'fetch', async () => new Response('{"value": "ek_1"}'));
  const { token } = options({ 'token-url': 'token', agent: 'inn' });
  assert.equal(await token({ signal: new AbortController().signal }), 'ek_1');
  const [url, { body }] = asked.mock.calls[0].arguments;
  assert.equal(String(url), 'https://inn.example/rooms/token');
  assert.deepEqual(JSON.parse(body), { agent: 'inn' });
});

test('in the mode for text, neither microphone nor voice is asked for', () => {
  const { microphone, speaks } = options({ mode: 'text' }, { microphone: 'headset' });
  assert.equal(microphone, false);
  assert.equal(speaks, false);
});

test('devices that were chosen are asked for', () => {
  const { microphone, loudspeaker } = options({}, { microphone: 'headset', loudspeaker: 'desk' });
  assert.deepEqual(microphone, { deviceId: 'headset' });
  assert.equal(loudspeaker, 'desk');
});

test('instructions of the attribute give way to those of the session', () => {
  assert.deepEqual(options({ instructions: 'Be brief.' }).session, { instructions: 'Be brief.' });
  const given = { session: { instructions: 'Be kind.', tools: [] } };
  assert.deepEqual(options({ instructions: 'Be brief.' }, given).session, given.session);
});

test('of the transports those are taken that there are, in the ladder’s order', () => {
  assert.deepEqual(transportsIn('http, WebSocket, pigeon'), ['websocket', 'http']);
  assert.equal(transportsIn('pigeon'), undefined);
  assert.equal(transportsIn(null), undefined);
});

test('an answer that was cut off is split where it was cut', () => {
  assert.deepEqual(splitHeard({ text: 'Four bedrooms.', heard: 4, status: 'cut' }), {
    heard: 'Four',
    unheard: ' bedrooms.',
  });
  assert.deepEqual(splitHeard({ text: 'Four', heard: 99, status: 'cut' }), { heard: 'Four', unheard: '' });
  assert.deepEqual(splitHeard({ text: 'Four', heard: null, status: 'cut' }), { heard: 'Four', unheard: '' });
});

test('what is still being said is not split', () => {
  assert.deepEqual(splitHeard({ text: 'Four bedrooms.', heard: 4, status: 'growing' }).unheard, '');
});

test('a character of two units is not torn', () => {
  assert.deepEqual(splitHeard({ text: 'a😀b', heard: 2, status: 'cut' }), { heard: 'a😀', unheard: 'b' });
});

test('each status of a tool call has its words', () => {
  assert.deepEqual(Object.keys(TOOL_TEXTS), ['running', 'done', 'failed', 'elsewhere']);
});

test('the meter rests flat, swells in the middle, and stays inside', () => {
  assert.ok(barHeights(0, 9, 1).every((height) => height === barHeights(0, 9, 1)[0]));
  for (let seconds = 0; seconds < 5; seconds += 0.1) {
    const heights = barHeights(1, 9, seconds);
    assert.ok(heights.every((height) => height > 0 && height <= 1));
    assert.ok(heights[4] > heights[0] && heights[4] > heights[8]);
  }
});

test('levels out of range are taken as the ends', () => {
  assert.deepEqual(barHeights(7, 5, 0), barHeights(1, 5, 0));
  assert.deepEqual([litBars(-1, 20), litBars(0, 20), litBars(1, 20), litBars(9, 20)], [0, 0, 20, 20]);
});

test('Enter sends; with Shift, or within an input method, it does not', () => {
  const enter = { key: 'Enter', shiftKey: false, isComposing: false, keyCode: 13 };
  assert.equal(sends(enter), true);
  assert.equal(sends({ ...enter, shiftKey: true }), false);
  assert.equal(sends({ ...enter, isComposing: true }), false);
  assert.equal(sends({ ...enter, keyCode: 229 }), false);
  assert.equal(sends({ ...enter, key: 'a' }), false);
});

test('a list of devices has each device once, and none that cannot be asked for', () => {
  const devices = ['', 'default', 'communications', 'headset'].map((deviceId) => ({
    deviceId,
    kind: 'audioinput',
    label: '',
  }));
  const loudspeaker = { deviceId: 'desk', kind: 'audiooutput', label: '' };
  assert.deepEqual(
    choices([...devices, loudspeaker], 'audioinput').map(({ deviceId }) => deviceId),
    ['headset'],
  );
});

test('each element of a page has a number of its own, and leaves it to the next', () => {
  const [first, second] = [takeNumber(), takeNumber()];
  assert.deepEqual([first, second], [1, 2]);
  giveBack(first);
  assert.equal(takeNumber(), 1);
  giveBack(1);
  giveBack(second);
});
