// The page's conversation: clients come and go, what listens stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { Conversation } from '../../../src/antiphon/web/page/conversation.js';
import { PushToTalk } from '../../../src/antiphon/web/page/push-to-talk.js';

class Client extends EventTarget {
  static made = [];
  static failure = null;
  state = { type: 'idle' };
  microphone = { type: 'on', problem: null, label: '', deviceId: '', muted: false };
  session = null;
  history = [];
  did = [];

  constructor(options) {
    super();
    this.options = options;
    Client.made.push(this);
  }

  async connect() {
    if (Client.failure) {
      this.become({ type: 'closed', problem: Client.failure.problem, attempts: [] });
      throw Client.failure;
    }
    this.become({ type: 'connected', transport: 'webrtc', activity: 'listening', attempts: [] });
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state'));
  }

  configure(session) {
    this.session = session;
    this.dispatchEvent(new CustomEvent('session'));
  }

  set muted(muted) {
    this.microphone = { ...this.microphone, muted };
    this.did.push(muted ? 'mute' : 'unmute');
  }

  send(event) {
    this.did.push(event.type);
  }

  sendText(text) {
    this.did.push(text);
  }

  interrupt() {
    this.did.push('interrupt');
  }

  disconnect() {
    this.become({ type: 'closed', problem: null, attempts: [] });
  }
}

function conversation(failure = null) {
  Client.made = [];
  Client.failure = failure;
  return new Conversation(Client, () => ({ model: 'm' }));
}

test('events of an earlier client are not those of the conversation', async () => {
  const talk = conversation();
  await talk.begin();
  const [first] = Client.made;
  await talk.begin();
  let told = 0;
  talk.addEventListener('state', () => (told += 1));
  first.become({ type: 'closed', problem: null, attempts: [] });
  assert.equal(told, 0);
  assert.equal(talk.state.type, 'connected');
});

test('a written question begins a conversation without a microphone', async () => {
  const talk = conversation();
  await talk.write('Is there a garden?');
  assert.deepEqual(Client.made[0].options, { model: 'm', microphone: false });
  assert.deepEqual(Client.made[0].did, ['Is there a garden?']);
});

test('a question that found no conversation is told as not sent', async () => {
  assert.equal(await conversation().write('Is there a garden?'), true);
  assert.equal(await conversation(new ProblemError('server_full')).write('Is there a garden?'), false);
});

test('within a conversation, a written question begins no other one', async () => {
  const talk = conversation();
  await talk.begin();
  await talk.write('And the price?');
  assert.equal(Client.made.length, 1);
});

test('a conversation that does not begin is told by its state', async () => {
  const talk = conversation(new ProblemError('server_full'));
  assert.equal(await talk.begin(), false);
  assert.equal(talk.state.problem.code, 'server_full');
});

test('changes of the transport and problems are marked, the same transport once', async () => {
  const talk = conversation();
  await talk.begin();
  const [client] = Client.made;
  const on = (transport) => client.become({ type: 'connected', transport, activity: 'listening', attempts: [] });
  on('webrtc');
  on('http');
  client.dispatchEvent(new CustomEvent('problem', { detail: { code: 'connection_lost', detail: '' } }));
  assert.deepEqual(
    talk.marks.map(({ type, name }) => name ?? type),
    ['webrtc', 'http', 'problem'],
  );
});

test('where turns are taken by hand, the microphone is open only while it is held', async () => {
  const talk = conversation();
  const held = [];
  const button = new PushToTalk(talk, (now) => held.push(now));
  await talk.begin();
  const [client] = Client.made;
  client.configure({ audio: { input: { turn_detection: null } } });
  assert.deepEqual(client.did.splice(0), ['mute']);
  button.hold(true);
  button.hold(true); // a key that repeats
  button.hold(false);
  assert.deepEqual(client.did, [
    'input_audio_buffer.clear',
    'unmute',
    'mute',
    'input_audio_buffer.commit',
    'response.create',
  ]);
  assert.deepEqual(held, [true, false]);
});

const byHand = (client, yes) =>
  client.configure({ audio: { input: { turn_detection: yes ? null : { type: 'server_vad' } } } });

test('what was muted between turns by hand is open again when the server takes turns', async () => {
  const talk = conversation();
  const button = new PushToTalk(talk, () => undefined);
  await talk.begin();
  const [client] = Client.made;
  byHand(client, true);
  byHand(client, false);
  assert.deepEqual(client.did.splice(0), ['mute', 'unmute']);
  byHand(client, true);
  button.hold(true);
  client.did = [];
  byHand(client, false);
  button.hold(false);
  assert.ok(!client.microphone.muted);
  assert.deepEqual(client.did, []);
});

test('what the user muted stays muted', async () => {
  const talk = conversation();
  new PushToTalk(talk, () => undefined);
  await talk.begin();
  const [client] = Client.made;
  client.muted = true;
  byHand(client, true);
  byHand(client, false);
  assert.ok(client.microphone.muted);
});

test('a lost connection opens no microphone that waits for a hand', async () => {
  const talk = conversation();
  new PushToTalk(talk, () => undefined);
  await talk.begin();
  const [client] = Client.made;
  byHand(client, true);
  client.become({ type: 'reconnecting', transport: null, problem: { code: 'offline', detail: '' }, attempts: [] });
  assert.ok(client.microphone.muted);
});

test('holding interrupts the answer', async () => {
  const talk = conversation();
  const button = new PushToTalk(talk, () => undefined);
  await talk.begin();
  const [client] = Client.made;
  client.configure({ audio: { input: { turn_detection: null } } });
  client.state = { type: 'connected', transport: 'webrtc', activity: 'speaking', attempts: [] };
  button.hold(true);
  assert.ok(client.did.includes('interrupt'));
});

test('where the server takes turns, holding does nothing', async () => {
  const talk = conversation();
  const button = new PushToTalk(talk, () => assert.fail('held'));
  await talk.begin();
  Client.made[0].configure({ audio: { input: { turn_detection: { type: 'server_vad' } } } });
  button.hold(true);
  button.hold(false);
  assert.deepEqual(Client.made[0].did, []);
});

test('over text nobody holds anything to talk', async () => {
  const talk = conversation();
  await talk.begin();
  const [client] = Client.made;
  client.configure({ audio: { input: { turn_detection: null } } });
  assert.ok(talk.byHand);
  client.become({ type: 'connected', transport: 'text', activity: 'listening', attempts: [] });
  assert.ok(!talk.carriesVoice);
  assert.ok(!talk.byHand);
});
