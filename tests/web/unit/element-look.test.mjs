// What the element shows in which situation.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { announcement, isToBeRead } from '../../../src/antiphon/web/element/announcements.js';
import { isNotice, lookOf } from '../../../src/antiphon/web/element/look.js';
import { PROBLEMS } from '../../../src/antiphon/web/client/problems.js';
import { loadTexts } from '../../../src/antiphon/web/texts/index.js';

const texts = await loadTexts('en');
const ON = { type: 'on', problem: null, label: 'Headset', deviceId: 'headset', muted: false };
const OFF = { ...ON, type: 'off', label: '', deviceId: '' };

function told(code) {
  return { code, detail: '' };
}

function look(state, more = {}) {
  const voice = state.type === 'idle' || state.type === 'closed' ? OFF : ON;
  const situation = {
    microphone: voice,
    mode: 'voice',
    captions: true,
    spoken: false,
    notice: null,
    dismissed: new Set(),
  };
  return lookOf({ state, ...situation, ...more });
}

function connected(activity, transport = 'webrtc') {
  return { type: 'connected', transport, activity, attempts: [] };
}

function connecting(transport, attempts = []) {
  return { type: 'connecting', transport, attempts };
}

function closed(code) {
  return { type: 'closed', problem: code ? told(code) : null, attempts: [] };
}

const lost = { type: 'reconnecting', transport: null, problem: told('connection_lost'), attempts: [] };
const denied = { ...OFF, type: 'failed', problem: told('microphone_denied') };

test('the main button begins, cancels, ends and tries again', () => {
  const actions = [look({ type: 'idle' }), look(connecting('webrtc')), look(connected('listening')), look(lost)];
  assert.deepEqual(
    actions.map(({ action }) => action),
    ['start', 'cancel', 'stop', 'stop'],
  );
  assert.equal(look(closed()).action, 'start');
  assert.equal(look(closed('server_full')).action, 'again');
});

test('the headline says what the conversation is doing', () => {
  const headlines = ['listening', 'hearing', 'thinking', 'speaking'].map(
    (activity) => look(connected(activity)).headline,
  );
  assert.deepEqual(headlines, ['state_listening', 'state_hearing', 'state_thinking', 'state_speaking']);
});

test('while the browser asks for the microphone, so does the headline', () => {
  assert.equal(look(connecting(null), { microphone: { ...OFF, type: 'asking' } }).hint, 'hint_asking');
});

test('a way that is blocked is told with the next one; a way that was left out is not', () => {
  const failed = { transport: 'webrtc', outcome: 'failed', problem: told('webrtc_blocked'), began: 0, seconds: 3 };
  assert.equal(look(connecting('websocket', [failed])).hint, 'hint_connecting_next');
  const leftOut = { ...failed, problem: told('not_wanted') };
  assert.equal(look(connecting('websocket', [leftOut])).hint, 'hint_connecting');
});

test('a muted user is told so, by whoever muted', () => {
  assert.equal(look(connected('listening'), { microphone: { ...ON, muted: true } }).headline, 'state_muted');
  const bySwitch = { ...ON, problem: told('microphone_muted') };
  assert.equal(look(connected('listening'), { microphone: bySwitch }).headline, 'state_muted');
});

test('without a microphone the conversation goes on in writing, and says how to get the voice back', () => {
  const shown = look(connected('listening'), { microphone: denied });
  assert.equal(shown.headline, 'state_writing');
  assert.equal(shown.composer, 'open');
  assert.equal(shown.canMute, false);
  assert.deepEqual(shown.trouble, { problem: denied.problem, grave: false, retry: 'microphone', goesOn: true });
});

test('what trying again cannot mend has no button for it', () => {
  for (const code of ['insecure_context', 'microphone_forbidden']) {
    const microphone = { ...denied, problem: told(code) };
    assert.equal(look(connected('listening'), { microphone }).trouble?.retry, null, code);
  }
});

test('over chat completions nobody is asked to speak', () => {
  assert.equal(look(connected('listening', 'text')).headline, 'state_writing');
});

test('a lost voice goes before a notice, and a notice before a silent microphone', () => {
  const notice = told('tool_failed');
  assert.equal(look(connected('listening'), { microphone: denied, notice }).trouble?.problem.code, 'microphone_denied');
  const silent = { ...ON, problem: told('microphone_silent') };
  assert.equal(look(connected('listening'), { microphone: silent, notice }).trouble?.problem.code, 'tool_failed');
});

test('what was put away stays away, and lets the next problem be seen', () => {
  const dismissed = new Set(['microphone_denied']);
  assert.equal(look(connected('listening'), { microphone: denied, dismissed }).trouble, null);
  const more = { microphone: denied, dismissed, notice: told('playback_blocked') };
  assert.equal(look(connected('speaking'), more).trouble?.retry, 'sound');
});

test('what ended the conversation cannot be put away', () => {
  const dismissed = new Set(['server_full']);
  assert.equal(look(closed('server_full'), { dismissed }).trouble?.grave, true);
});

test('a microphone that could not be changed leaves the voice, so writing is no consolation', () => {
  const shown = look(connected('listening'), { notice: told('microphone_busy') });
  assert.equal(shown.trouble?.goesOn, false);
});

test('the answer can be interrupted while there is one', () => {
  const can = ['listening', 'hearing', 'thinking', 'speaking'].map(
    (activity) => look(connected(activity)).canInterrupt,
  );
  assert.deepEqual(can, [false, false, true, true]);
});

test('in writing, the first message begins; no voice is shown', () => {
  const shown = look({ type: 'idle' }, { mode: 'text' });
  assert.equal(shown.action, null);
  assert.equal(shown.composer, 'open');
  assert.equal(shown.meter, false);
  assert.equal(look(connecting('webrtc'), { mode: 'text' }).composer, 'waiting');
});

test('while it comes back one may write, and not send', () => {
  assert.equal(look(lost).composer, 'waiting');
});

test('captions come with the conversation, stay behind it, and can be left out', () => {
  assert.equal(look({ type: 'idle' }).captions, false);
  assert.equal(look(connected('listening')).captions, true);
  assert.equal(look(closed(), { spoken: true }).captions, true);
  assert.equal(look(connected('listening'), { captions: false }).captions, false);
});

test('answers that are only written are always shown', () => {
  assert.equal(look(connected('listening', 'text'), { captions: false }).captions, true);
  assert.equal(look(connected('listening'), { captions: false, mode: 'text' }).captions, true);
});

test('only notices that a person can use are shown', () => {
  const shown = Object.keys(PROBLEMS).filter((code) => isNotice(told(code)));
  assert.deepEqual(shown, ['playback_blocked', 'loudspeaker_failed', 'conversation_lost', 'tool_failed']);
});

test('a screen reader is told of connecting, of being connected, and of the end', () => {
  const steps = [
    look({ type: 'idle' }),
    look(connecting('webrtc')),
    look(connected('listening')),
    look(lost),
    look(closed()),
  ];
  const said = steps.slice(1).map((after, i) => announcement(steps[i], after, texts));
  assert.deepEqual(said, [texts.state_connecting, texts.told_connected, texts.state_reconnecting, texts.state_closed]);
});

test('the turns of a conversation are not announced', () => {
  const activities = ['listening', 'hearing', 'thinking', 'speaking', 'listening'].map((name) => look(connected(name)));
  for (let i = 1; i < activities.length; i++) assert.equal(announcement(activities[i - 1], activities[i], texts), '');
});

test('trying the next way is not announced anew', () => {
  assert.equal(announcement(look(connecting('webrtc')), look(connecting('websocket')), texts), '');
});

test('a problem is announced once, with its cure and what goes on', () => {
  const after = look(connected('listening'), { microphone: denied });
  const { what, cure } = texts.problems.microphone_denied;
  const said = announcement(look(connected('listening')), after, texts);
  assert.equal(said, `${what} ${cure} ${texts.text_goes_on}`);
  assert.equal(announcement(after, look(connected('hearing'), { microphone: denied }), texts), '');
});

test('an end with a reason announces the reason', () => {
  const { what, cure } = texts.problems.server_full;
  assert.equal(announcement(look(connecting('webrtc')), look(closed('server_full')), texts), `${what} ${cure}`);
});

test('of what was said, only whole answers in writing are read aloud', () => {
  const answer = { from: 'assistant', spoken: false, status: 'done', text: 'Four.' };
  assert.equal(isToBeRead(answer), true);
  assert.equal(isToBeRead({ ...answer, spoken: true }), false);
  assert.equal(isToBeRead({ ...answer, status: 'growing' }), false);
  assert.equal(isToBeRead({ ...answer, from: 'user' }), false);
});
