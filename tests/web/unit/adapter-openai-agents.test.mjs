// The SDK's real base class over a client that does nothing by itself.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { OpenAIRealtimeBase } from '@openai/agents-realtime';
import { transportFor } from '../../../src/antiphon/web/adapters/openai-agents.js';

class Client extends EventTarget {
  static last;
  state = { type: 'idle' };
  muted = false;
  sent = [];
  interruptions = 0;
  disconnects = 0;

  constructor(options) {
    super();
    this.options = options;
    Client.last = this;
  }

  connect() {
    this.become({ type: 'connecting' });
    return (this.connecting = withResolvers()).promise;
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }

  receive(event) {
    this.dispatchEvent(new CustomEvent('event', { detail: event }));
  }

  send(event) {
    this.sent.push(event);
  }

  interrupt() {
    this.interruptions += 1;
  }

  disconnect() {
    this.disconnects += 1;
  }
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

const AntiphonTransport = transportFor({ OpenAIRealtimeBase, Client });
const CALL = {
  type: 'function_call',
  id: 'item_1',
  callId: 'call_1',
  name: 'f',
  arguments: '{}',
  responseId: 'resp_1',
};
const HEARD = [
  'connection_change',
  'error',
  'function_call',
  'item_update',
  'item_deleted',
  'audio_interrupted',
  'audio',
  '*',
];
let transport, told;

// A connected transport; `told` has all that its session is told.
async function connected(options = {}) {
  const connecting = transport.connect({ apiKey: 'ek_1', initialSessionConfig: { tracing: null }, ...options });
  Client.last.become({ type: 'connected' });
  Client.last.connecting.resolve();
  await connecting;
  Client.last.sent.length = 0;
  return Client.last;
}

const kinds = () => told.map(([name]) => name);
const creates = (client) => client.sent.filter(({ type }) => type === 'response.create');
const responseDone = { type: 'response.done', response: { id: 'resp_1', output: [] } };

beforeEach(() => {
  transport = new AntiphonTransport({ url: 'https://voice.example/v1', transports: ['websocket'] });
  told = [];
  for (const name of HEARD) {
    transport.on(name, (given) => told.push([name, given]));
  }
});

test('the client is made with the options, and with what the session says', async () => {
  const { options } = await connected({ model: 'gpt-realtime', initialSessionConfig: { instructions: 'Be brief.' } });
  assert.equal(options.url, 'https://voice.example/v1');
  assert.deepEqual(options.transports, ['websocket']);
  assert.equal(options.model, 'gpt-realtime');
  assert.equal(options.session.instructions, 'Be brief.');
  assert.equal(await options.token({ signal: AbortSignal.abort() }), 'ek_1');
});

test('a key that is a function is asked for each connection', async () => {
  let count = 0;
  const { options } = await connected({ apiKey: async () => `ek_${++count}` });
  assert.equal(await options.token({}), 'ek_1');
  assert.equal(await options.token({}), 'ek_2');
});

test('coming back is a change of the connection, and not its end', async () => {
  const client = await connected();
  client.become({ type: 'reconnecting' });
  client.become({ type: 'connected', activity: 'listening' });
  client.become({ type: 'connected', activity: 'hearing' });
  const changes = told.filter(([name]) => name === 'connection_change').map(([, status]) => status);
  assert.deepEqual(changes, ['connecting', 'connected', 'connecting', 'connected']);
});

test('an end with a problem is an error, and one may connect again', async () => {
  const client = await connected();
  client.become({ type: 'closed', problem: { code: 'session_expired', detail: '60 minutes' } });
  assert.equal(transport.status, 'disconnected');
  const [, { error }] = told.find(([name]) => name === 'error');
  assert.equal(error.code, 'session_expired');
  assert.notEqual(await connected(), client);
});

test('closing ends the conversation and is told once', async () => {
  const client = await connected();
  transport.close();
  client.become({ type: 'closed', problem: null });
  assert.equal(client.disconnects, 1);
  assert.equal(kinds().filter((name) => name === 'connection_change').length, 3);
});

test('a failed connection is refused with the reason', async () => {
  const connecting = transport.connect({ apiKey: 'ek_1' });
  const client = Client.last;
  client.become({ type: 'closed', problem: { code: 'key_invalid', detail: '' } });
  client.connecting.reject(new Error('key_invalid'));
  await assert.rejects(connecting, /key_invalid/);
  assert.equal(transport.status, 'disconnected');
});

test('nothing can be sent before there is a connection', () => {
  assert.throws(() => transport.sendMessage('Hello', {}), /not connected/);
});

test('a written message becomes an item and asks for a response', async () => {
  const client = await connected();
  transport.sendMessage('How many bedrooms?', {});
  assert.deepEqual(
    client.sent.map(({ type }) => type),
    ['conversation.item.create', 'response.create'],
  );
});

test('a response is asked for when the one before it is done', async () => {
  const client = await connected();
  client.receive({ type: 'response.created', response: { id: 'resp_1' } });
  transport.sendFunctionCallOutput(CALL, 'sunny', true);
  assert.equal(creates(client).length, 0);
  client.receive(responseDone);
  assert.equal(creates(client).length, 1);
});

test('the results of two tools want one response', async () => {
  const client = await connected();
  client.receive({ type: 'response.created', response: { id: 'resp_1' } });
  transport.sendFunctionCallOutput(CALL, 'sunny', true);
  transport.sendFunctionCallOutput({ ...CALL, callId: 'call_2' }, 'warm', true);
  client.receive(responseDone);
  client.receive({ type: 'response.created', response: { id: 'resp_2' } });
  client.receive(responseDone);
  assert.equal(creates(client).length, 1);
});

test('a refused response leaves room for the next one', async () => {
  const client = await connected();
  transport.requestResponse();
  transport.requestResponse({ instructions: 'Say goodbye.' });
  const [{ event_id }] = creates(client);
  client.receive({ type: 'error', error: { type: 'invalid_request_error', message: 'no', event_id } });
  assert.equal(creates(client)[1].response.instructions, 'Say goodbye.');
});

test('a new session owes no response of the one that was lost', async () => {
  const client = await connected();
  client.receive({ type: 'response.created', response: { id: 'resp_1' } });
  client.receive({ type: 'session.created', session: { type: 'realtime' } });
  transport.requestResponse();
  assert.equal(creates(client).length, 1);
});

test('items of a lost conversation make room for those that are told anew', async () => {
  const client = await connected();
  const content = [{ type: 'input_text', text: 'Hello' }];
  const item = { id: 'item_1', type: 'message', role: 'user', status: 'completed', content };
  client.receive({ type: 'conversation.item.added', item, previous_item_id: null });
  client.receive({ type: 'session.created', session: { type: 'realtime' } });
  client.receive({ type: 'conversation.item.added', item: { ...item, id: 'item_2' }, previous_item_id: null });
  const items = told.filter(([name]) => name.startsWith('item_')).map(([name, { itemId }]) => [name, itemId]);
  assert.deepEqual(items, [
    ['item_update', 'item_1'],
    ['item_deleted', 'item_1'],
    ['item_update', 'item_2'],
  ]);
});

test('a change of the session goes out as it is', async () => {
  const client = await connected();
  transport.updateSessionConfig({ instructions: 'Speak French.' });
  assert.equal(client.sent[0].type, 'session.update');
  assert.equal(client.sent[0].session.instructions, 'Speak French.');
});

test('a function call goes to the session', async () => {
  const client = await connected();
  const item = {
    id: 'item_1',
    type: 'function_call',
    status: 'completed',
    call_id: 'call_1',
    name: 'f',
    arguments: '{}',
  };
  client.receive({ type: 'response.output_item.done', response_id: 'resp_1', output_index: 0, item });
  const [, call] = told.find(([name]) => name === 'function_call');
  assert.equal(call.callId, 'call_1');
});

test('audio is played by the client and by nobody else', async () => {
  const client = await connected();
  client.receive({ type: 'response.output_audio.delta', response_id: 'resp_1', item_id: 'item_1', delta: 'AAAA' });
  assert.equal(kinds().includes('*'), false);
  assert.equal(kinds().includes('audio'), false);
});

test('an interruption is told', async () => {
  const client = await connected();
  client.receive({ type: 'output_audio_buffer.cleared', response_id: 'resp_1' });
  assert.ok(kinds().includes('audio_interrupted'));
  transport.interrupt();
  assert.equal(client.interruptions, 1);
});

test('muting holds for the connection that comes', async () => {
  transport.mute(true);
  const client = await connected();
  assert.equal(client.muted, true);
  transport.mute(false);
  assert.equal(client.muted, false);
  assert.equal(transport.muted, false);
});

test('the conversation has an id for the app behind the page', async () => {
  const client = await connected();
  client.receive({ type: 'antiphon.session.resumable', token: 't', call_id: 'rtc_1', resume_seconds: 60 });
  assert.equal(transport.callId, 'rtc_1');
});

test('the token of the conversation goes to nobody', async () => {
  const client = await connected();
  client.receive({ type: 'antiphon.session.resumable', event_id: 'e', token: 'secret', call_id: 'rtc_1' });
  const [, event] = told.find(([name]) => name === '*');
  assert.deepEqual([event.call_id, 'token' in event], ['rtc_1', false]);
});

test('one may connect again where there was not even a client', async () => {
  const options = { url: 'not a URL' };
  class Picky extends Client {
    constructor(given) {
      if (given.url === 'not a URL') throw new TypeError('no URL');
      super(given);
    }
  }
  transport = new (transportFor({ OpenAIRealtimeBase, Client: Picky }))(options);
  await assert.rejects(transport.connect({ apiKey: 'ek_1' }), /no URL/);
  await connected({ url: 'https://voice.example/v1' });
  assert.equal(transport.status, 'connected');
});

// --- coming back -------------------------------------------------------------------------------------------------

const resumed = (events = 0, complete = true) => ({
  type: 'antiphon.session.resumed',
  event_id: 'r',
  events,
  complete,
});
const responseCreated = { type: 'response.created', event_id: 'c', response: { id: 'resp_2' } };

/** A connection that is lost, and back. */
function comesBack(client, ...events) {
  client.become({ type: 'reconnecting' });
  for (const event of events) client.receive(event);
  client.become({ type: 'connected' });
}

test('a response is not asked for without a connection, but behind it', async () => {
  const client = await connected();
  client.become({ type: 'reconnecting' });
  transport.sendFunctionCallOutput(CALL, 'sunny', true);
  assert.equal(creates(client).length, 0);
  client.receive(resumed());
  assert.equal(creates(client).length, 0);
  client.become({ type: 'connected' });
  assert.equal(creates(client).length, 1);
});

test('a response that was asked for in vain is asked for again, and others follow it', async () => {
  const client = await connected();
  transport.requestResponse();
  comesBack(client, resumed());
  const [first, again] = creates(client);
  assert.deepEqual(again, first);
  client.receive(responseCreated);
  client.receive(responseDone);
  transport.requestResponse();
  assert.equal(creates(client).length, 3);
});

test('a response that had begun is not asked for again', async () => {
  const client = await connected();
  transport.requestResponse();
  comesBack(client, resumed(2));
  client.receive({ type: 'response.output_audio.delta', event_id: 'd', delta: '' });
  assert.equal(creates(client).length, 1);
  client.receive(responseCreated);
  assert.equal(creates(client).length, 1);
});

test('what was missed without a trace leaves room for the next response', async () => {
  const client = await connected();
  client.receive(responseCreated);
  comesBack(client, resumed(7, false));
  transport.requestResponse();
  assert.equal(creates(client).length, 1);
});

test('a response that was asked for too early is asked for when there is room', async () => {
  const client = await connected();
  transport.requestResponse();
  const [{ event_id }] = creates(client);
  const code = 'conversation_already_has_active_response';
  client.receive({
    type: 'error',
    event_id: 'e',
    error: { type: 'invalid_request_error', message: 'no', code, event_id },
  });
  assert.equal(creates(client).length, 1);
  client.receive(responseDone);
  assert.equal(creates(client).length, 2);
});
