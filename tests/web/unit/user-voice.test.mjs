import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { UserVoice } from '../../../src/antiphon/web/client/user-voice.js';
import { settle } from './virtual-clock.mjs';

class FakeMicrophone extends EventTarget {
  muted = false;
  closed = false;
  used = [];
  constructor(label) {
    super();
    this.label = this.deviceId = label;
  }
  use = (wanted, { signal }) =>
    new Promise((resolve, reject) => {
      this.used.push({ wanted, resolve });
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  close = () => (this.closed = true);
}

/** A voice whose user answers late: `asked` has what is to be answered. */
function house(wanted = {}) {
  const seen = { asked: [], states: [], problems: [], conversation: new AbortController() };
  seen.voice = new UserVoice({
    wanted,
    open: (options, { signal }) =>
      new Promise((resolve, reject) => seen.asked.push({ options, signal, resolve, reject })),
    onState: () => seen.states.push(seen.voice.state.type),
    onProblem: ({ code }) => seen.problems.push(code),
  });
  seen.signal = seen.conversation.signal;
  return seen;
}

/** The microphone that the user lets have, in answer to the question of that number. */
async function allow(seen, number, label = `m${number}`) {
  const microphone = new FakeMicrophone(label);
  seen.asked[number].resolve(microphone);
  await settle();
  return microphone;
}

test('who wants no microphone while the user is asked gets none, and none stays open', async () => {
  const seen = house();
  const beginning = seen.voice.begin(seen.signal);
  assert.equal(await seen.voice.change(false, seen.signal), false);
  assert.ok(seen.asked[0].signal.aborted);
  const late = await allow(seen, 0);
  await beginning;
  assert.deepEqual([seen.voice.state.type, seen.voice.microphone, late.closed], ['off', null, true]);
});

test('of two microphones that are asked for, the one that was chosen last is taken, and the other one closed', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const seen = house();
    const beginning = seen.voice.begin(seen.signal);
    const changing = seen.voice.change('usb', seen.signal);
    const microphones = [];
    for (const number of order) microphones[number] = await allow(seen, number);
    await beginning;
    assert.equal(await changing, true);
    assert.deepEqual([seen.voice.microphone, seen.voice.state.type], [microphones[1], 'on']);
    assert.deepEqual([microphones[0].closed, microphones[1].closed], [true, false]);
  }
});

test('a choice that was overtaken is no failure, and asks for no new connection', async () => {
  const seen = house(false);
  const first = seen.voice.change('one', seen.signal);
  const second = seen.voice.change('two', seen.signal);
  seen.asked[0].reject(new ProblemError('microphone_denied'));
  await allow(seen, 1);
  assert.deepEqual([await first, await second], [false, true]);
  assert.deepEqual([seen.problems, seen.voice.state.type], [[], 'on']);
});

test('an open microphone that is to be another one, and then off, is off', async () => {
  const seen = house();
  const beginning = seen.voice.begin(seen.signal);
  const microphone = await allow(seen, 0);
  await beginning;
  const changing = seen.voice.change('usb', seen.signal);
  assert.equal(await seen.voice.change(false, seen.signal), true);
  assert.equal(await changing, false);
  assert.deepEqual([microphone.closed, seen.voice.state.type], [true, 'off']);
});

test('an end while the user is asked leaves nothing open', async () => {
  const seen = house();
  const beginning = seen.voice.begin(seen.signal);
  seen.conversation.abort(new Error('over'));
  seen.voice.close();
  await assert.rejects(async () => {
    const late = allow(seen, 0);
    await late.then(({ closed }) => assert.ok(closed));
    await beginning;
  }, /over/);
  assert.deepEqual([seen.voice.state.type, seen.voice.microphone], ['off', null]);
});

test('a user who said no, and then wants none, has no problem', async () => {
  const seen = house();
  const beginning = seen.voice.begin(seen.signal);
  seen.asked[0].reject(new ProblemError('microphone_denied'));
  await beginning;
  assert.equal(seen.voice.state.type, 'failed');
  assert.equal(await seen.voice.change(false, seen.signal), false);
  assert.deepEqual([seen.voice.state.type, seen.voice.state.problem], ['off', null]);
});
