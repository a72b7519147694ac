import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { connect } from '../../../src/antiphon/web/client/transports/text.js';
import { Caller, FakeBrowser, FakeStream, refusal, settled } from './transports-fakes.mjs';

/** @type {FakeBrowser} */
let browser;
/** @type {Caller} */
let caller;
/** @type {FakeStream[]} */
let streams;

beforeEach(() => {
  browser = new FakeBrowser();
  caller = new Caller();
  streams = [];
  browser.answer = (asked) => {
    if (asked.method === 'GET') return new Response('{"data":[]}');
    streams.push(new FakeStream(asked.signal, {}));
    return streams.at(-1).response;
  };
});

const item = (text, role = 'user') => ({
  type: 'conversation.item.create',
  item: { type: 'message', role, content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }] },
});
const chunk = (delta, finish_reason = null) => ({ choices: [{ index: 0, delta, finish_reason }] });
const chats = () => browser.requests('POST').map(({ body }) => JSON.parse(body));
const last = (type) => caller.events.findLast((event) => event.type === type);

async function asked(connection, text) {
  connection.send(item(text));
  connection.send({ type: 'response.create' });
  await settled();
}

async function answer(...texts) {
  for (const content of texts) streams.at(-1).tell(chunk({ content }));
  streams.at(-1).tell(chunk({}, 'stop'));
  streams.at(-1).write('data: [DONE]\n\n');
  await settled();
}

test('it is connected when the server answers anything', async () => {
  const connection = await connect(caller.request(), browser);
  assert.equal(browser.asked[0].url.pathname, '/v1/models');
  assert.equal(connection.name, 'text');
  assert.deepEqual(caller.types, ['session.created']);
  assert.deepEqual(last('session.created').session.output_modalities, ['text']);
});

test('a refusal keeps its reason', async () => {
  browser.answer = () => refusal(401, 'invalid_api_key');
  await assert.rejects(connect(caller.request(), browser), { code: 'key_invalid' });
});

test('a turn has the events of a session in text', async () => {
  const connection = await connect(caller.request(), browser);
  await asked(connection, 'How many?');
  await answer('Fo', 'ur.');
  assert.deepEqual(caller.types.slice(1), [
    'conversation.item.added',
    'conversation.item.done',
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
  ]);
  assert.equal(last('response.output_text.done').text, 'Four.');
  assert.equal(last('response.done').response.status, 'completed');
  assert.equal(last('response.done').response.output[0].content[0].text, 'Four.');
  assert.ok(caller.events.every((event) => !('event_id' in event)));
});

test('without a token, the texts so far go along, and the instructions of the page', async () => {
  const connection = await connect(caller.request(), browser);
  connection.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Be brief.' } });
  assert.equal(last('session.updated').session.instructions, 'Be brief.');
  await asked(connection, 'One?');
  await answer('First.');
  await asked(connection, 'Two?');
  assert.deepEqual(chats()[1].messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'One?' },
    { role: 'assistant', content: 'First.' },
    { role: 'user', content: 'Two?' },
  ]);
  assert.equal(chats()[1].model, 'gpt-realtime');
});

test('a conversation that goes on is named by its token, and keeps its instructions', async () => {
  const resume = { token: 'TOKEN', lastEventId: 'event_9' };
  const connection = await connect(caller.request({ resume }), browser);
  assert.deepEqual(caller.types, ['antiphon.session.resumed']);
  connection.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Be brief.' } });
  await asked(connection, 'How many?');
  assert.equal(browser.requests('POST')[0].headers['Antiphon-Session'], 'TOKEN');
  assert.deepEqual(chats()[0].messages, [{ role: 'user', content: 'How many?' }]);
});

test('in a conversation that goes on, a question is not asked again after an answer that was cancelled', async () => {
  const resume = { token: 'TOKEN', lastEventId: null };
  const connection = await connect(caller.request({ resume }), browser);
  await asked(connection, 'One?');
  connection.send({ type: 'response.cancel' });
  await settled();
  await asked(connection, 'Two?');
  assert.equal(chats()[1].messages.at(-2).role, 'assistant');
});

test('a cancelled answer ends at once, with what was said of it', async () => {
  const connection = await connect(caller.request(), browser);
  await asked(connection, 'How many?');
  streams[0].tell(chunk({ content: 'Fo' }));
  await settled();
  connection.send({ type: 'response.cancel' });
  await settled();
  assert.equal(last('response.done').response.status, 'cancelled');
  assert.equal(last('response.output_text.done').text, 'Fo');
  assert.ok(browser.requests('POST')[0].signal.aborted);
});

test('a second question waits for the answer to the first', async () => {
  const connection = await connect(caller.request(), browser);
  await asked(connection, 'One?');
  await asked(connection, 'Two?');
  assert.equal(chats().length, 1);
  await answer('First.');
  assert.equal(chats().length, 2);
});

test('functions are called as in a session', async () => {
  const connection = await connect(caller.request(), browser);
  const tool = { type: 'function', name: 'look', description: 'Look.', parameters: { type: 'object' } };
  connection.send({ type: 'session.update', session: { tools: [tool] } });
  await asked(connection, 'Look!');
  assert.equal(chats()[0].tools[0].function.name, 'look');
  const call = (index, more) => chunk({ tool_calls: [{ index, ...more }] });
  streams[0].tell(call(0, { id: 'call_1', type: 'function', function: { name: 'look', arguments: '' } }));
  streams[0].tell(call(0, { function: { arguments: '{"at":' } }), call(0, { function: { arguments: '1}' } }));
  await answer();
  const told = last('response.function_call_arguments.done');
  assert.deepEqual([told.call_id, told.name, told.arguments], ['call_1', 'look', '{"at":1}']);
  const output = { type: 'function_call_output', call_id: 'call_1', output: 'a house' };
  connection.send({ type: 'conversation.item.create', item: output });
  connection.send({ type: 'response.create' });
  await settled();
  const [asking, answering] = chats()[1].messages.slice(-2);
  assert.equal(asking.tool_calls[0].id, 'call_1');
  assert.deepEqual(answering, { role: 'tool', tool_call_id: 'call_1', content: 'a house' });
});

test('an answer that fails is told, and the conversation goes on', async () => {
  const connection = await connect(caller.request(), browser);
  browser.answer = () => refusal(502, 'upstream_failed', 'the model failed');
  await asked(connection, 'How many?');
  const { status, status_details: details } = last('response.done').response;
  assert.equal(status, 'failed');
  assert.match(details.error.message, /the model failed/);
  assert.equal(caller.lost.length, 1); // a proxy without its server: nobody is there
});

test('an error amid an answer fails it', async () => {
  const connection = await connect(caller.request(), browser);
  await asked(connection, 'How many?');
  streams[0].tell(chunk({ content: 'Fo' }), { error: { code: 'timeout', message: 'too long' } });
  await settled();
  assert.equal(last('response.done').response.status, 'failed');
  assert.deepEqual(caller.lost, []);
});

test('a conversation that the server has not any more is lost', async () => {
  const resume = { token: 'TOKEN', lastEventId: null };
  const connection = await connect(caller.request({ resume }), browser);
  browser.answer = () => refusal(404, 'session_not_found');
  await asked(connection, 'How many?');
  assert.equal(caller.types.at(-1), 'response.done');
  assert.deepEqual(
    caller.lost.map(({ code }) => code),
    ['conversation_lost'],
  );
});

test('a network that is gone is a lost connection', async () => {
  const connection = await connect(caller.request(), browser);
  browser.navigator.onLine = false;
  browser.answer = () => {
    throw new TypeError('Failed to fetch');
  };
  await asked(connection, 'How many?');
  assert.equal(caller.lost[0].code, 'connection_lost');
});

test('an answer that never comes is given up', async () => {
  const connection = await connect(caller.request(), browser);
  await asked(connection, 'How many?');
  await browser.pass(131_000);
  assert.equal(last('response.done').response.status_details.error.code, 'timed_out');
});

test('what has no text is refused', async () => {
  const connection = await connect(caller.request(), browser);
  connection.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_image' }] },
  });
  assert.equal(caller.types.at(-1), 'error');
});

test('a close ends the answer that is running, and nothing comes behind it', async () => {
  const connection = await connect(caller.request(), browser);
  await asked(connection, 'How many?');
  connection.close(true);
  assert.equal(last('response.done').response.status, 'cancelled');
  const count = caller.events.length;
  await settled();
  assert.equal(caller.events.length, count);
  assert.equal(browser.timers.size, 0);
});

// --- a conversation that goes on over another connection ---------------------------------------------------------

const RESUME = { token: 'TOKEN', lastEventId: 'event_9' };
const contents = () =>
  chats()
    .at(-1)
    .messages.map(({ content }) => content);
const statuses = () =>
  caller.events.filter(({ type }) => type === 'response.done').map((event) => event.response.status);

/** A question that the server refused to take, with the connection. */
async function lost(resume = RESUME) {
  const { answer } = browser;
  browser.answer = (asked) => (asked.method === 'POST' ? refusal(401, 'invalid_api_key') : answer(asked));
  await asked(await connect(caller.request({ resume }), browser), 'How many?');
  browser.answer = answer;
  assert.equal(caller.lost.at(-1).code, 'key_invalid');
}

test('a question that the server did not take is asked over the next connection', async () => {
  await lost();
  const connection = await connect(caller.request({ resume: RESUME }), browser);
  await settled();
  assert.deepEqual(contents(), ['How many?']);
  await answer('Four.');
  await asked(connection, 'And where?');
  assert.deepEqual(contents(), ['How many?', 'Four.', 'And where?']);
  assert.deepEqual(statuses(), ['failed', 'completed']);
});

test('a question that loses the connection each time is asked three times', async () => {
  await lost();
  browser.answer = (asked) => (asked.method === 'POST' ? refusal(401, 'invalid_api_key') : new Response('{}'));
  for (let count = 0; count < 4; count++) {
    await connect(caller.request({ resume: RESUME }), browser);
    await settled();
  }
  assert.equal(chats().length, 3);
});

test('a question that was put off by a change of the connection is asked over the next one', async () => {
  const first = await connect(caller.request({ resume: RESUME }), browser);
  await asked(first, 'How many?');
  browser.answer = (asked) => (asked.method === 'GET' ? new Response('{}') : new Promise(() => {}));
  await answer('Four.');
  await asked(first, 'And where?');
  first.close(true);
  await connect(caller.request({ resume: RESUME }), browser);
  await settled();
  assert.deepEqual(contents(), ['How many?', 'Four.', 'And where?']);
});

test('an answer that was cut short by a change of the connection is not asked for again', async () => {
  const first = await connect(caller.request({ resume: RESUME }), browser);
  await asked(first, 'How many?');
  streams[0].tell(chunk({ content: 'Fo' }));
  await settled();
  first.close(true);
  const second = await connect(caller.request({ resume: RESUME }), browser);
  await settled();
  assert.equal(chats().length, 1);
  await asked(second, 'And where?');
  assert.deepEqual(contents(), ['How many?', 'Fo', 'And where?']);
});

test('what was said before the conversation went on elsewhere is not said again', async () => {
  await lost();
  await asked(await connect(caller.request({ resume: { ...RESUME, lastEventId: 'event_12' } }), browser), 'And where?');
  assert.deepEqual(contents(), ['And where?']);
});

test('of a conversation that is lost nothing goes into the next one', async () => {
  await lost();
  await asked(await connect(caller.request(), browser), 'And where?');
  assert.deepEqual(contents(), ['And where?']);
});

test('while a connection is being lost it takes nothing more', async () => {
  const connection = await connect(caller.request({ resume: RESUME, onEvent }), browser);
  browser.answer = () => refusal(401, 'invalid_api_key');
  function onEvent(event) {
    if (event.type === 'response.done') connection.send({ type: 'response.create' });
  }
  await asked(connection, 'How many?');
  assert.equal(chats().length, 1);
});
