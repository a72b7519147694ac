import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { connect } from '../../../src/antiphon/web/client/transports/websocket.js';
import { CREATED, Caller, FakeBrowser, FakeMicrophone, settled } from './transports-fakes.mjs';

const RESUME = { token: 'TOKEN', lastEventId: 'event_9' };
const RESUMED = { type: 'antiphon.session.resumed', event_id: 'event_10', events: 0, complete: true };

/** @type {FakeBrowser} */
let browser;
/** @type {Caller} */
let caller;

beforeEach(() => {
  browser = new FakeBrowser();
  caller = new Caller();
});

/** Begins to connect, up to the first event if it is given. */
async function begun(given = {}, ...events) {
  const connecting = connect(caller.request(given), browser);
  connecting.catch(() => {});
  await settled();
  const socket = browser.sockets.at(-1);
  if (events.length) {
    socket.open();
    socket.tell(...events);
  }
  return { connecting, socket };
}

async function connected(given = {}) {
  const { connecting, socket } = await begun(given, given.resume ? RESUMED : CREATED);
  return { connection: await connecting, socket };
}

test('the key travels as a subprotocol, and never in the address', async () => {
  const { socket } = await begun();
  assert.equal(socket.url.href, 'wss://voice.example/v1/realtime?model=gpt-realtime&antiphon_events=true');
  assert.deepEqual(socket.protocols, ['realtime', 'openai-insecure-api-key.ek_1']);
  const { socket: keyless } = await begun({ key: '' });
  assert.deepEqual(keyless.protocols, ['realtime']);
});

test('a conversation is gone on with by its token', async () => {
  const { socket } = await begun({ resume: RESUME });
  assert.equal(socket.url.search, '?resume=TOKEN&last_event_id=event_9');
});

test('it is connected once the server has said something else than no', async () => {
  const { connecting, socket } = await begun();
  let isConnected = false;
  connecting.then(() => (isConnected = true));
  socket.open();
  await settled();
  assert.ok(!isConnected);
  socket.tell(CREATED);
  assert.equal((await connecting).name, 'websocket');
  assert.deepEqual(caller.events, [CREATED]);
});

test('events go both ways', async () => {
  const { connection, socket } = await connected();
  connection.send({ type: 'response.create' });
  assert.deepEqual(socket.sent, [{ type: 'response.create' }]);
  socket.onmessage({ data: 'no JSON' });
  socket.tell({ type: 'session.updated', event_id: 'event_3' });
  assert.deepEqual(caller.types, ['session.created', 'session.updated']);
});

test('a refusal is told by the error before the close', async () => {
  const { connecting, socket } = await begun();
  socket.open();
  socket.tell({ type: 'error', error: { type: 'server_error', code: 'server_full', message: 'All are in use.' } });
  socket.end(1013, 'server_error.server_full');
  await assert.rejects(connecting, { code: 'server_full', detail: /All are in use/ });
  assert.deepEqual(caller.events, []);
});

test('a WebSocket that never opens is blocked, or there is no network', async () => {
  const { connecting, socket } = await begun();
  socket.end(1006);
  await assert.rejects(connecting, { code: 'websocket_blocked' });
  browser.navigator.onLine = false;
  const again = await begun();
  again.socket.end(1006);
  await assert.rejects(again.connecting, { code: 'offline' });
});

test('what the browser itself refuses is no crash, and tells no key', async () => {
  const names = { SecurityError: 'websocket_blocked', SyntaxError: 'key_invalid' };
  for (const [name, code] of Object.entries(names)) {
    browser.WebSocket = class {
      constructor() {
        throw Object.assign(new Error('ek_1 is wrong'), { name });
      }
    };
    await assert.rejects(
      connect(caller.request(), browser),
      (error) => error.code === code && !error.detail.includes('ek_1'),
    );
  }
});

test('an abort leaves nothing open', async () => {
  const { connecting, socket } = await begun();
  const reason = new Error('too long');
  caller.abort(reason);
  await assert.rejects(connecting, (error) => error === reason);
  assert.equal(socket.closedWith, 1000);
  socket.tell(CREATED);
  assert.deepEqual(caller.events, []);
  assert.equal(browser.timers.size, 0);
});

test('an abort does not end a conversation that was to be gone on with', async () => {
  const { connecting, socket } = await begun({ resume: RESUME });
  socket.open();
  caller.abort(new Error('too long'));
  await assert.rejects(connecting);
  assert.equal(socket.closedWith, null);
});

test('one that has not opened yet has no conversation to spare, and is not left to open', async () => {
  const { connecting, socket } = await begun({ resume: RESUME });
  caller.abort(new Error('too long'));
  await assert.rejects(connecting);
  assert.equal(socket.closedWith, 1000);
});

test('a lost connection is told once', async () => {
  const { connection, socket } = await connected();
  socket.end(1006);
  socket.end(1006);
  connection.send({ type: 'response.create' });
  assert.deepEqual(
    caller.lost.map(({ code }) => code),
    ['connection_lost'],
  );
  assert.deepEqual(socket.sent, []);
  assert.equal(browser.timers.size, 0);
});

test('a conversation that was taken elsewhere has moved', async () => {
  const { socket } = await connected();
  socket.tell({ type: 'antiphon.session.moved', event_id: 'event_3' });
  socket.end(1000, 'The session goes on over another connection.');
  assert.equal(caller.lost[0].code, 'moved');
});

test('an error long before the end does not explain it', async () => {
  const { socket } = await connected();
  socket.tell({ type: 'error', error: { code: 'session_expired', message: '' } }, { type: 'rate_limits.updated' });
  socket.end(1006);
  assert.equal(caller.lost[0].code, 'connection_lost');
});

test('to end a conversation is a normal close', async () => {
  const { connection, socket } = await connected();
  connection.close(false);
  assert.equal(socket.closedWith, 1000);
  socket.end(1000);
  assert.deepEqual(caller.lost, []);
});

test('a conversation that goes on elsewhere is left open for the server to close, for a while', async () => {
  const { connection, socket } = await connected();
  connection.close(true);
  await browser.pass(80_000);
  assert.equal(socket.closedWith, null);
  await browser.pass(20_000);
  assert.equal(socket.closedWith, 1000);
  assert.deepEqual(caller.lost, []);
});

test('the server closes it, and no timer is left', async () => {
  const { connection, socket } = await connected();
  connection.close(true);
  socket.end(1000, 'The session goes on over another connection.');
  assert.equal(browser.timers.size, 0);
});

test('OpenAI has nothing to go on with, so it is closed', async () => {
  const server = { url: 'https://api.openai.com/v1', kind: 'openai' };
  const { connection, socket } = await connected({ server });
  connection.close(true);
  assert.equal(socket.closedWith, 1000);
});

test('a network that takes nothing any more is noticed', async () => {
  const microphone = new FakeMicrophone();
  const { socket } = await connected({ microphone });
  await settled();
  for (let second = 0; second < 12 && !caller.lost.length; second++) {
    microphone.chunk(new Int16Array(500));
    socket.bufferedAmount += JSON.stringify(socket.sent.at(-1)).length;
    await browser.pass(1_000);
  }
  assert.equal(caller.lost[0].code, 'connection_lost');
  assert.ok(microphone.isStopped);
  assert.equal(socket.closedWith, null); // a close that arrives later would end the conversation
});

test('a slow network is none that is gone', async () => {
  const { connection, socket } = await connected();
  for (let second = 0; second < 60; second++) {
    connection.send({ type: 'response.create', padding: 'x'.repeat(1_000) });
    socket.bufferedAmount += 900; // of more than that, the rest was taken
    await browser.pass(1_000);
  }
  assert.deepEqual(caller.lost, []);
});

test('what waits to be sent has a bound', async () => {
  const { connection, socket } = await connected();
  socket.bufferedAmount = 4_000_001;
  connection.send({ type: 'response.create' });
  assert.equal(caller.lost[0].code, 'connection_lost');
  assert.deepEqual(socket.sent, []);
});
