import assert from 'node:assert/strict';
import { test } from 'node:test';
import { House } from './fake-house.mjs';
import { settle } from './virtual-clock.mjs';

const created = (id = 'r1') => ({
  type: 'response.created',
  response: { id, status: 'in_progress', conversation_id: 'c' },
});
const done = (id = 'r1', status = 'completed', output = []) => ({
  type: 'response.done',
  response: { id, status, output },
});
const plays = (response_id = 'r1') => ({ type: 'output_audio_buffer.started', response_id });
const added = (item) => ({ type: 'conversation.item.added', previous_item_id: null, item });
const wrote = (line, place = -1) => line.sent.filter(({ type }) => type === 'conversation.item.create').at(place)?.item;

test('connecting goes from idle to connected, with microphone and loudspeaker', async () => {
  const house = new House();
  assert.equal(house.client.state.type, 'idle');
  await house.client.connect();
  assert.deepEqual(
    house.seen.state.map(({ type, transport }) => [type, transport]),
    [
      ['connecting', null],
      ['connecting', 'webrtc'],
      ['connecting', 'webrtc'],
      ['connected', 'webrtc'],
    ],
  );
  assert.deepEqual([house.client.state.activity, house.client.state.attempts.length], ['listening', 1]);
  assert.deepEqual([house.client.microphone.type, house.client.microphone.label], ['on', 'device default']);
  assert.ok(house.loudspeakers[0].unlocked);
  assert.deepEqual(house.client.levels(), { input: 0.5, output: 0.25 });
  const [{ server, key, model, resume, microphone, speaks }] = house.requests;
  assert.deepEqual(
    [server.url, key, model, resume, speaks],
    ['https://voice.example/v1', '', 'gpt-realtime', null, true],
  );
  assert.equal(microphone, house.microphones[0]);
});

test('connecting twice is connecting once', async () => {
  const house = new House();
  const [one, other] = [house.client.connect(), house.client.connect()];
  assert.equal(one, other);
  await one;
  await house.client.connect();
  assert.equal(house.connections.length, 1);
});

test('steps are tried from the top, and what is not wanted is passed over', async () => {
  const house = new House({ transports: ['webrtc', 'http'] });
  house.plans.webrtc = ['webrtc_blocked'];
  await house.client.connect();
  assert.deepEqual(
    house.client.state.attempts.map(({ transport, outcome, problem }) => [transport, outcome, problem?.code]),
    [
      ['webrtc', 'failed', 'webrtc_blocked'],
      ['websocket', 'failed', 'not_wanted'],
      ['http', 'connected', undefined],
    ],
  );
});

test('OpenAI has neither HTTP nor text', async () => {
  const house = new House({ url: 'https://api.openai.com/v1', token: 'ek_1', transports: ['http', 'text'] });
  await assert.rejects(house.client.connect(), { code: 'not_offered' });
  assert.deepEqual(house.requests, []);
});

test('a conversation that cannot begin is closed, with nothing left open', async () => {
  const house = new House();
  house.plans.webrtc = ['key_invalid'];
  await assert.rejects(house.client.connect(), { code: 'key_invalid' });
  assert.deepEqual([house.client.state.type, house.client.state.problem.code], ['closed', 'key_invalid']);
  assert.ok(house.microphones[0].closed && house.loudspeakers[0].closed);
  assert.equal(house.client.microphone.type, 'off');
  assert.equal(house.clock.timers.size, 0);
});

test('a microphone that is refused leaves a conversation without it', async () => {
  const house = new House();
  house.microphoneProblem = 'microphone_denied';
  await house.client.connect();
  assert.equal(house.requests[0].microphone, null);
  assert.deepEqual(
    [house.client.microphone.type, house.client.microphone.problem.code],
    ['failed', 'microphone_denied'],
  );
  assert.deepEqual(house.problems, ['microphone_denied']);
});

test('no microphone is asked for where none is wanted', async () => {
  const house = new House({ microphone: false });
  await house.client.connect();
  assert.deepEqual([house.microphones.length, house.client.microphone.type], [0, 'off']);
});

test('the key is asked for once, and again when it is refused', async () => {
  const asked = [];
  const house = new House({ token: ({ renew = false }) => `key_${asked.push(renew)}` });
  house.plans.webrtc = ['key_invalid'];
  await house.client.connect();
  assert.deepEqual(asked, [false, true]);
  assert.deepEqual(
    house.requests.map(({ key }) => key),
    ['key_1', 'key_2'],
  );
});

test('a token that cannot be had closes what was opened', async () => {
  const house = new House({ token: () => Promise.reject(new Error('no backend')) });
  await assert.rejects(house.client.connect(), { code: 'token_failed', detail: 'no backend' });
  assert.ok(house.microphones.every((microphone) => microphone.closed));
});

test('disconnecting while connecting ends it, and a connection that comes later', async () => {
  const house = new House();
  house.plans.webrtc = ['hang'];
  const connecting = house.client.connect();
  await settle();
  house.client.disconnect();
  await assert.rejects(connecting, { name: 'AbortError' });
  assert.deepEqual([house.client.state.type, house.client.state.problem], ['closed', null]);
  assert.ok(house.microphones[0].closed);
  assert.equal(house.clock.timers.size, 0);
});

test('disconnecting ends the conversation, and another one may begin', async () => {
  const house = new House();
  const line = await house.connected();
  house.client.sendText('Hello');
  house.client.disconnect();
  assert.deepEqual([line.closed, house.client.state.type, house.client.history.length], ['ended', 'closed', 1]);
  line.tell(created());
  await house.connected();
  assert.deepEqual([house.client.state.type, house.client.history.length], ['connected', 0]);
  assert.equal(house.requests.at(-1).resume, null);
});

test('a new session is told what the page wants, and that words are to be told', async () => {
  const execute = () => 1;
  const house = new House({
    session: { instructions: 'Be brief.' },
    tools: [{ name: 'add', description: 'Adds.', parameters: {}, execute }],
  });
  const line = await house.connected({ session: { audio: { input: { transcription: null } } } });
  const { event_id: eventId, ...update } = line.sent[0];
  assert.match(eventId, /^event_/);
  assert.deepEqual(update, {
    type: 'session.update',
    session: {
      type: 'realtime',
      instructions: 'Be brief.',
      tools: [{ type: 'function', name: 'add', description: 'Adds.', parameters: {} }],
      audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } },
    },
  });
});

test('where nothing is to be said about the session, nothing is', async () => {
  const line = await new House().connected();
  assert.deepEqual(line.sent, []);
});

test('who does not want to hear answers is answered in writing', async () => {
  const house = new House({ speaks: false });
  const line = await house.connected();
  assert.deepEqual(line.sent[0].session.output_modalities, ['text']);
  assert.ok(!house.loudspeakers[0].unlocked);
});

test('what the page writes is shown, sent and answered', async () => {
  const house = new House();
  const line = await house.connected();
  house.client.sendText('How many bedrooms?');
  assert.deepEqual(line.types(), ['conversation.item.create', 'response.create']);
  assert.deepEqual(wrote(line).content, [{ type: 'input_text', text: 'How many bedrooms?' }]);
  assert.ok(wrote(line).id.length <= 32);
  assert.deepEqual([house.client.history[0].text, house.client.turns[0].begun], ['How many bedrooms?', 'text']);
});

test('writing interrupts what is said, and is answered when that is over', async () => {
  const house = new House();
  const line = await house.connected();
  line.tell(created(), plays());
  assert.equal(house.client.state.activity, 'speaking');
  house.client.sendText('Stop. Something else.');
  assert.deepEqual(line.types(), ['response.cancel', 'output_audio_buffer.clear', 'conversation.item.create']);
  line.tell(done('r1', 'cancelled'), { type: 'output_audio_buffer.cleared', response_id: 'r1' });
  assert.equal(line.types().at(-1), 'response.create');
});

test('tools of the page are run, and their results answered', async () => {
  const execute = ({ city }) => ({ city, degrees: 21 });
  const house = new House({ tools: [{ name: 'weather', description: '', parameters: {}, execute }] });
  const line = await house.connected();
  const call = {
    id: 'f1',
    type: 'function_call',
    call_id: 'c1',
    name: 'weather',
    arguments: '{"city":"Bonn"}',
    status: 'completed',
  };
  line.tell(created(), added(call), { type: 'response.output_item.done', response_id: 'r1', item: call });
  await settle();
  assert.equal(wrote(line).output, '{"city":"Bonn","degrees":21}');
  assert.ok(!line.types().includes('response.create'));
  line.tell(added(wrote(line)), done('r1', 'completed', [call]));
  assert.equal(line.types().at(-1), 'response.create');
  assert.equal(house.client.history[0].call.status, 'done');
  assert.deepEqual(
    house.seen.tool.map(({ status }) => status),
    ['running', 'done'],
  );
});

test('a lost connection is made again, over the same transport and with the place to go on from', async () => {
  const house = new House();
  const first = await house.connected();
  first.tell({ ...created(), event_id: 'the_last' });
  first.lose('connection_lost', 'closed with 1006');
  assert.deepEqual([house.client.state.type, house.client.state.problem.detail], ['reconnecting', 'closed with 1006']);
  await settle();
  assert.deepEqual(house.requests.at(-1).resume, { token: 'secret', lastEventId: 'the_last' });
  house.resumed(done());
  assert.equal(house.client.state.type, 'connected');
  assert.deepEqual(house.problems, ['connection_lost']);
  assert.deepEqual(house.line.sent, []);
});

test('what is told again is not shown again, and old connections have no say', async () => {
  const house = new House();
  const first = await house.connected();
  const words = {
    type: 'response.output_text.delta',
    event_id: 'words',
    response_id: 'r1',
    item_id: 'a1',
    content_index: 0,
    delta: 'Hi',
  };
  first.tell(words);
  first.lose('connection_lost');
  await settle();
  house.resumed(words);
  first.tell({ ...words, event_id: 'other' });
  first.lose('connection_lost');
  assert.equal(house.client.history[0].text, 'Hi');
  assert.equal(house.client.state.type, 'connected');
});

test('what was written while nobody was connected is sent, once and when all that was missed is there', async () => {
  const house = new House();
  const first = await house.connected();
  first.lose('connection_lost');
  house.client.sendText('Are you there?');
  await settle();
  assert.deepEqual(house.line.sent, []);
  house.line.tell({ type: 'antiphon.session.resumed', events: 1, complete: true });
  assert.deepEqual(house.line.sent, []);
  house.line.tell({ type: 'rate_limits.updated', rate_limits: [] });
  assert.deepEqual(house.line.types(), ['conversation.item.create', 'response.create']);
});

test('what may have been lost on its way is sent again; what arrived is not', async () => {
  const house = new House();
  const first = await house.connected();
  house.client.sendText('One');
  house.client.updateSession({ instructions: 'New.' });
  first.tell(added(wrote(first)));
  house.client.sendText('Two');
  first.lose('connection_lost');
  await settle();
  house.resumed();
  assert.deepEqual(house.line.types(), ['session.update', 'conversation.item.create', 'response.create']);
  assert.equal(wrote(house.line).content[0].text, 'Two');
});

test('a promise of missed events that is not kept is not waited for too long', async () => {
  const house = new House();
  const first = await house.connected();
  first.lose('connection_lost');
  house.client.sendText('Hello?');
  await settle();
  house.line.tell({ type: 'antiphon.session.resumed', events: 7, complete: true });
  await house.clock.pass(1000);
  assert.equal(house.line.types().length, 2);
});

test('a conversation that the server does not know any more goes on in a new session', async () => {
  const house = new House({ session: { instructions: 'Be brief.' } });
  const first = await house.connected();
  house.client.sendText('My name is Ada.');
  first.tell(added(wrote(first)), created());
  const answer = {
    id: 'a1',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_audio', transcript: 'Hello Ada.' }],
  };
  first.tell(
    { ...added(answer), previous_item_id: wrote(first).id },
    { type: 'conversation.item.done', item: answer },
    done(),
  );
  const before = house.client.history;
  house.plans.webrtc = ['conversation_lost'];
  first.lose('connection_lost');
  await settle();
  assert.equal(house.requests.at(-1).resume, null);
  house.greet('another');
  assert.deepEqual(house.line.types(), ['session.update', 'conversation.item.create', 'conversation.item.create']);
  assert.equal(house.line.sent[0].session.instructions, 'Be brief.');
  assert.deepEqual(wrote(house.line), {
    id: 'a1',
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_text', text: 'Hello Ada.' }],
  });
  for (const { item } of house.line.sent.slice(1)) house.line.tell(added(item));
  assert.deepEqual(house.client.history, before);
  assert.deepEqual(house.problems, ['connection_lost', 'conversation_lost']);
});

test('a question that was not answered when the conversation was lost is answered in the new session', async () => {
  const house = new House();
  const first = await house.connected({ token: '' });
  house.client.sendText('What now?');
  first.lose('connection_lost');
  await settle();
  assert.equal(house.requests.at(-1).resume, null); // nothing to come back with, as at OpenAI
  house.greet('');
  assert.deepEqual(house.line.types(), ['conversation.item.create', 'response.create']);
});

test('after an hour the conversation goes on in a new session', async () => {
  const house = new House();
  const first = await house.connected();
  first.lose('session_expired');
  await settle();
  assert.deepEqual([house.client.state.type, house.requests.at(-1).resume], ['connected', null]);
});

test('what is over is over', async () => {
  for (const code of ['ended_by_server', 'moved']) {
    const house = new House();
    const first = await house.connected();
    first.lose(code);
    await house.clock.pass(60_000);
    assert.deepEqual(
      [house.client.state.type, house.client.state.problem.code, house.requests.length],
      ['closed', code, 1],
    );
    assert.ok(house.microphones[0].closed);
    assert.equal(house.clock.timers.size, 0);
  }
});

test('a step that connects and does not carry is left for the next one', async () => {
  const house = new House();
  const first = await house.connected();
  first.lose('webrtc_silent');
  await settle();
  assert.deepEqual(
    house.client.state.attempts.map(({ transport, problem }) => [transport, problem?.code]),
    [
      ['webrtc', 'webrtc_silent'],
      ['websocket', undefined],
    ],
  );
  assert.equal(house.requests.at(-1).resume.token, 'secret');
});

test('coming back to a lower step still tells why it is not a higher one', async () => {
  const house = new House();
  house.plans.webrtc = ['webrtc_blocked'];
  const first = await house.connected();
  first.lose('connection_lost');
  await settle();
  assert.deepEqual(
    house.client.state.attempts.map(({ transport, problem }) => [transport, problem?.code]),
    [
      ['webrtc', 'webrtc_blocked'],
      ['websocket', undefined],
    ],
  );
  assert.equal(house.requests.length, 3);
});

test('a connection that ends before it is known is lost, not forgotten', async () => {
  const house = new House();
  const connecting = house.client.connect();
  await settle();
  house.line.lose('connection_lost');
  await connecting;
  await settle();
  assert.equal(house.connections.length, 2);
});

test('after sleep a quiet connection is made anew, kept at the server meanwhile', async () => {
  const house = new House();
  const first = await house.connected();
  await house.clock.pass(10_000);
  house.clock.slept += 60_000;
  await house.clock.pass(2000);
  assert.equal(first.closed, 'kept');
  assert.deepEqual([house.connections.length, house.client.state.type], [2, 'connected']);
});

test('a network that is there again, or a page from the cache, is reason to look; a connection that just spoke is fine', async () => {
  const house = new House();
  await house.connected();
  house.around.window.dispatchEvent(new Event('online'));
  assert.equal(house.connections.length, 1);
  await house.clock.pass(3000);
  house.around.window.dispatchEvent(new Event('online'));
  await settle();
  assert.equal(house.connections.length, 2);
  house.around.window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  await settle();
  assert.equal(house.connections.length, 3);
});

test('a conversation that nobody can come back to is not given up for a change of network', async () => {
  const house = new House();
  await house.connected({ token: '' });
  await house.clock.pass(3000);
  house.around.window.dispatchEvent(new Event('online'));
  await settle();
  assert.equal(house.connections.length, 1);
});

test('without a network it waits, and comes back with it', async () => {
  const house = new House();
  const first = await house.connected();
  house.around.navigator.onLine = false;
  first.lose('connection_lost');
  await house.clock.pass(30_000);
  assert.deepEqual([house.client.state.type, house.connections.length], ['reconnecting', 1]);
  house.around.navigator.onLine = true;
  house.around.window.dispatchEvent(new Event('online'));
  await settle();
  assert.equal(house.client.state.type, 'connected');
});

test('a page that is left ends its conversation', async () => {
  const house = new House();
  const line = await house.connected();
  house.around.window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
  assert.equal(line.closed, null);
  house.around.window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
  assert.equal(line.closed, 'ended');
});

test('another microphone is taken without a new connection; the first one needs one', async () => {
  const house = new House({ microphone: false });
  const first = await house.connected();
  await house.client.setMicrophone('usb');
  await settle();
  assert.equal(first.closed, 'kept');
  assert.equal(house.requests.at(-1).microphone, house.microphones[0]);
  await house.client.setMicrophone('headset');
  assert.deepEqual([house.connections.length, house.client.microphone.deviceId], [2, 'headset']);
  await house.client.setMicrophone(false);
  await settle();
  assert.deepEqual([house.requests.at(-1).microphone, house.client.microphone.type], [null, 'off']);
});

test('a microphone that cannot be taken is told, and the conversation goes on', async () => {
  const house = new House({ microphone: false });
  await house.connected();
  house.microphoneProblem = 'microphone_busy';
  await assert.rejects(house.client.setMicrophone('usb'), { code: 'microphone_busy' });
  assert.deepEqual([house.client.state.type, house.client.microphone.type], ['connected', 'failed']);
});

test('muting is kept for microphones to come', async () => {
  const house = new House({ microphone: false });
  await house.connected();
  house.client.muted = true;
  await house.client.setMicrophone('usb');
  assert.deepEqual([house.microphones[0].muted, house.client.microphone.muted], [true, true]);
});

test('what happens to the microphone, and what transports notice, is told', async () => {
  const house = new House();
  const line = await house.connected();
  const [microphone] = house.microphones;
  microphone.dispatchEvent(new CustomEvent('problem', { detail: { code: 'microphone_muted', detail: '' } }));
  assert.deepEqual([house.client.microphone.type, house.client.microphone.problem.code], ['on', 'microphone_muted']);
  microphone.dispatchEvent(new Event('recovered'));
  assert.equal(house.client.microphone.problem, null);
  microphone.dispatchEvent(new CustomEvent('problem', { detail: { code: 'microphone_ended', detail: '' } }));
  assert.equal(house.client.microphone.type, 'failed');
  line.request.onEvent({ type: 'antiphon.client.notice', problem: { code: 'stream_held_back', detail: '' } });
  assert.deepEqual(house.problems, ['microphone_muted', 'microphone_ended', 'stream_held_back']);
});

test('the log has both ways, and events are told as they come and go', async () => {
  const house = new House();
  const told = [];
  for (const type of ['event', 'sent'])
    house.client.addEventListener(type, ({ detail }) => told.push([type, detail.type]));
  const line = await house.connected({ token: '' });
  house.client.send({ type: 'response.create' });
  line.tell(created());
  const expected = [
    ['event', 'session.created'],
    ['sent', 'response.create'],
    ['event', 'response.created'],
  ];
  assert.deepEqual(told, expected);
  assert.deepEqual(
    house.client.log.map(({ direction, event }) => [direction === 'in' ? 'event' : 'sent', event.type]),
    expected,
  );
});

test('changes of the session are merged, and kept for sessions to come', async () => {
  const house = new House({ session: { audio: { output: { voice: 'marin' } } } });
  const first = await house.connected();
  house.client.updateSession({ audio: { output: { speed: 1.2 } } });
  assert.deepEqual(first.sent.at(-1).session, { type: 'realtime', audio: { output: { speed: 1.2 } } });
  house.client.disconnect();
  const second = await house.connected();
  assert.deepEqual(second.sent[0].session.audio.output, { voice: 'marin', speed: 1.2 });
});

test('an event of another shape than the API has does no harm', async () => {
  const house = new House();
  const line = await house.connected();
  for (const type of ['response.done', 'conversation.item.added', 'session.updated', 'error']) line.tell({ type });
  line.tell(created());
  assert.equal(house.client.state.activity, 'thinking');
});

test('writing without a conversation is a mistake of the page', () => {
  assert.throws(() => new House().client.sendText('Hello'), /connect first/);
});

test('the first step is loaded at once, those that may be needed later when there is time', async () => {
  const house = new House({ transports: ['websocket', 'http', 'text'] });
  await house.connected();
  assert.deepEqual(house.loaded, [['websocket']]);
  await house.clock.pass(9_999);
  assert.equal(house.loaded.length, 1);
  await house.clock.pass(1);
  assert.deepEqual(house.loaded.slice(1), [['websocket', 'http', 'text']]);
  house.line.lose('connection_lost');
  await house.clock.pass(60_000);
  assert.equal(house.loaded.length, 2);
});

test('steps that the server does not have are not loaded', async () => {
  const house = new House({ url: 'https://api.openai.com/v1' });
  await house.connected();
  await house.clock.pass(10_000);
  assert.deepEqual(house.loaded, [['webrtc'], ['webrtc', 'websocket']]);
});

test('who leaves loads nothing more', async () => {
  const house = new House();
  await house.connected();
  house.client.disconnect();
  await house.clock.pass(60_000);
  assert.equal(house.loaded.length, 1);
});

test('code that does not come fails its step, and the ladder goes on', async () => {
  const house = new House();
  house.plans.webrtc = ['webrtc_blocked'];
  const { websocket } = house.parts.connect;
  house.parts.connect.websocket = async () => {
    throw new TypeError('Failed to fetch dynamically imported module');
  };
  await house.connected();
  assert.equal(house.client.state.transport, 'http');
  assert.equal(house.client.state.attempts[1].problem.code, 'websocket_blocked');
  house.parts.connect.websocket = websocket;
  house.plans.http = ['http_blocked'];
  house.plans.text = ['server_unreachable'];
  house.line.lose('connection_lost');
  await house.clock.pass(1_000);
  assert.equal(house.client.state.transport, 'webrtc');
});

// --- losses one behind the other --------------------------------------------------------------------------------

/** A server that lets the client in, takes what it says, and closes; gives how often it was asked for an answer. */
async function flapping(house, seconds, code = 'server_error') {
  const known = new Set();
  let asked = 0;
  for (let at = 0; at < seconds * 10; at += 1) {
    const { line } = house;
    if (!known.has(line)) {
      known.add(line);
      house.greet('');
      await settle();
      line.tell(...line.sent.filter(({ item }) => item).map(({ item }) => added(item)));
      asked += line.types().filter((type) => type === 'response.create').length;
      line.lose(code, 'closed');
    }
    await house.clock.pass(100);
  }
  return asked;
}

test('a server that lets in and closes costs a few questions, and is given up', async () => {
  const house = new House({ url: 'https://api.openai.com/v1', token: 'ek_1', transports: ['websocket'] });
  await house.client.connect();
  house.client.sendText('Hello');
  const asked = await flapping(house, 400);
  assert.equal(asked, 4);
  assert.ok(house.connections.length < 90, `${house.connections.length} connections`);
  assert.deepEqual([house.client.state.type, house.client.state.problem.code], ['closed', 'server_error']);
});

test('a server that refuses what it is told, again, is not told it a third time', async () => {
  const house = new House({ transports: ['websocket'] });
  await house.client.connect();
  house.client.sendText('Hello');
  await flapping(house, 10, 'request_refused');
  assert.equal(house.connections.length, 2);
  assert.deepEqual([house.client.state.type, house.client.state.problem.code], ['closed', 'request_refused']);
});

test('a session that answers is asked again when it is lost', async () => {
  const house = new House();
  await house.connected({ token: '' });
  house.client.sendText('One');
  for (let losses = 0; losses < 6; losses += 1) {
    await house.clock.pass(20_000);
    house.line.lose('connection_lost');
    await settle();
    house.greet('');
    assert.equal(house.line.types().at(-1), 'response.create');
    house.line.tell(created(`r${losses}`), done(`r${losses}`));
  }
});

// --- the microphone and the connection --------------------------------------------------------------------------

for (const token of ['secret', '']) {
  test(`a microphone that comes while a connection is made is heard over the next one, ${token && 'come back to'}`, async () => {
    const house = new House();
    house.microphoneProblem = 'microphone_busy';
    const { webrtc } = house.parts.connect;
    let go;
    house.parts.connect.webrtc = async (request) => {
      await new Promise((resolve) => (go = resolve));
      house.parts.connect.webrtc = webrtc;
      const connection = await webrtc(request);
      connection.token = token;
      return connection;
    };
    const connecting = house.client.connect();
    await settle();
    house.microphoneProblem = null;
    await house.client.setMicrophone('usb');
    go();
    await connecting;
    await settle();
    assert.deepEqual(
      house.requests.map(({ microphone }) => microphone?.deviceId),
      [undefined, 'usb'],
    );
    assert.deepEqual([house.client.state.type, house.connections[0].closed], ['connected', token ? 'kept' : 'ended']);
    assert.equal(house.requests[1].resume?.token ?? '', token);
    assert.deepEqual(house.problems, ['microphone_busy']);
  });
}

test('a microphone that goes while it is come back is gone', async () => {
  const house = new House({ transports: ['websocket'] });
  const first = await house.connected();
  const { websocket } = house.parts.connect;
  let go;
  house.parts.connect.websocket = async (request) => {
    await new Promise((resolve) => (go = resolve));
    house.parts.connect.websocket = websocket;
    return websocket(request);
  };
  first.lose('connection_lost');
  await settle();
  await house.client.setMicrophone(false);
  go();
  await settle();
  assert.equal(house.client.state.type, 'connected');
  assert.equal(house.requests.at(-1).microphone, null);
});

test('a user who goes in mid-word is not waited for, and writing is answered', async () => {
  const house = new House();
  const first = await house.connected();
  first.tell({ type: 'input_audio_buffer.speech_started', item_id: 'u1' });
  await house.client.setMicrophone(false);
  house.client.sendText('In writing, then.');
  await settle();
  house.resumed();
  assert.deepEqual(house.line.types(), ['conversation.item.create', 'input_audio_buffer.clear', 'response.create']);
  assert.equal(house.client.state.activity, 'listening');
});

test('a user who goes on speaking is waited for', async () => {
  const house = new House();
  const first = await house.connected();
  first.tell({ type: 'input_audio_buffer.speech_started', item_id: 'u1' });
  first.lose('connection_lost');
  await settle();
  house.resumed();
  assert.deepEqual([house.line.types(), house.client.state.activity], [[], 'hearing']);
});

// --- ends, and what is kept for oneself -------------------------------------------------------------------------

/** What is told to servers behind their connections' backs. */
function told(t) {
  const asked = [];
  t.mock.method(globalThis, 'fetch', async (url, { method, headers, keepalive }) => {
    asked.push([method, url, headers, keepalive]);
    return new Response(null, { status: 204 });
  });
  return asked;
}
const HUNG_UP = ['DELETE', 'https://voice.example/v1/realtime/events', { 'Antiphon-Session': 'secret' }, true];

test('who ends the conversation while it is come back to ends it at the server', async (t) => {
  const asked = told(t);
  const house = new House({ transports: ['websocket'] });
  const first = await house.connected();
  house.plans.websocket = ['hang'];
  first.lose('connection_lost');
  await settle();
  house.client.disconnect();
  assert.deepEqual([asked, house.requests.at(-1).signal.aborted], [[HUNG_UP], true]);
});

test('so does a page that is left meanwhile', async (t) => {
  const asked = told(t);
  const house = new House({ transports: ['websocket'] });
  const first = await house.connected();
  house.plans.websocket = ['hang'];
  first.lose('connection_lost');
  await settle();
  house.around.window.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
  assert.deepEqual(asked, [HUNG_UP]);
});

test('a conversation that goes on elsewhere, or that nobody can come back to, is left alone', async (t) => {
  const asked = told(t);
  for (const [code, token] of [
    ['moved', 'secret'],
    ['ended_by_server', 'secret'],
    ['connection_lost', ''],
  ]) {
    const house = new House({ transports: ['websocket'] });
    const first = await house.connected({ token });
    house.plans.websocket = ['hang'];
    first.lose(code);
    await settle();
    house.client.disconnect();
  }
  assert.deepEqual(asked, []);
});

test('nobody but the client itself has what the conversation is come back to with', async () => {
  const house = new House();
  const events = [];
  house.client.addEventListener('event', ({ detail }) => events.push(detail));
  await house.connected({ token: 'sesame' });
  assert.ok(events.some(({ type, call_id: id }) => type === 'antiphon.session.resumable' && id === 'rtc_1'));
  assert.doesNotMatch(JSON.stringify([events, house.client.log]), /sesame/);
  house.line.lose('connection_lost');
  await settle();
  assert.equal(house.requests.at(-1).resume.token, 'sesame');
});

test('silence is had before the first sound, too', async () => {
  const house = new House();
  const line = await house.connected();
  const item = { id: 'a1', type: 'message', role: 'assistant', status: 'in_progress', content: [] };
  const says = { type: 'response.output_audio_transcript.delta', response_id: 'r1', item_id: 'a1', content_index: 0 };
  line.tell(created(), added(item), { ...says, delta: 'Hi' }, done());
  assert.equal(house.client.state.activity, 'thinking');
  house.client.interrupt();
  assert.deepEqual(line.types(), ['output_audio_buffer.clear']);
  line.tell({ type: 'output_audio_buffer.cleared', response_id: 'r1' });
  assert.equal(house.client.state.activity, 'listening');
});

test('a tool that runs when its session is lost tells the next one nothing', async () => {
  let finish;
  const execute = () => new Promise((resolve) => (finish = resolve));
  const house = new House({ tools: [{ name: 'slow', description: '', parameters: {}, execute }] });
  const first = await house.connected({ token: '' });
  const call = { id: 'f1', type: 'function_call', call_id: 'c1', name: 'slow', arguments: '{}', status: 'completed' };
  first.tell(
    created(),
    added(call),
    { type: 'response.output_item.done', item: call },
    done('r1', 'completed', [call]),
  );
  first.lose('connection_lost');
  await settle();
  house.greet('');
  finish('late');
  await settle();
  assert.deepEqual(house.line.types(), ['session.update']);
});

test('sound that the browser lets through at last is told', async () => {
  const house = new House();
  const recovered = [];
  house.client.addEventListener('recovered', ({ detail }) => recovered.push(detail));
  await house.client.connect();
  const problem = { code: 'playback_blocked', detail: '' };
  house.loudspeakers[0].dispatchEvent(new CustomEvent('problem', { detail: problem }));
  house.loudspeakers[0].dispatchEvent(new Event('recovered'));
  assert.deepEqual([house.problems, recovered], [['playback_blocked'], ['playback_blocked']]);
});
