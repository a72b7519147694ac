import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { connect } from '../../../src/antiphon/web/client/transports/http.js';
import {
  CREATED,
  Caller,
  FakeBrowser,
  FakeMicrophone,
  FakeStream,
  RESUMABLE,
  refusal,
  settled,
} from './transports-fakes.mjs';

const ACCEPTED = () => new Response('{"accepted":1}', { status: 202 });
let conversations = 0;

/** @type {FakeBrowser} */
let browser;
/** @type {Caller} */
let caller;
/** @type {FakeStream} */
let stream;
let token;
/** How POSTs are answered. */
let take;

beforeEach(() => {
  browser = new FakeBrowser();
  caller = new Caller();
  token = `TOKEN${++conversations}`;
  take = ACCEPTED;
  browser.answer = (asked) => {
    if (asked.method === 'POST') return take(asked);
    if (asked.method === 'DELETE') return new Response(null, { status: 204 });
    stream = new FakeStream(asked.signal, { 'Antiphon-Session': token });
    return stream.response;
  };
});

async function connected(given = {}) {
  const connecting = connect(caller.request(given), browser);
  await settled();
  stream.tell(CREATED, RESUMABLE);
  return connecting;
}

const posts = () => browser.requests('POST');
const seqs = () => posts().map(({ url }) => url.searchParams.get('seq'));
const bodies = () => posts().map(({ body }) => JSON.parse(body));

test('events come over a stream, and the key goes along as a header', async () => {
  const connection = await connected();
  const [asked] = browser.asked;
  assert.equal(asked.url.pathname + asked.url.search, '/v1/realtime/events?model=gpt-realtime&antiphon_events=true');
  assert.equal(asked.headers.Authorization, 'Bearer ek_1');
  assert.equal(connection.token, token);
  assert.deepEqual(caller.types, ['session.created', 'antiphon.session.resumable']);
});

test('OpenAI has no such thing', async () => {
  const server = { url: 'https://api.openai.com/v1', kind: 'openai' };
  await assert.rejects(connect(caller.request({ server }), browser), { code: 'not_offered' });
});

test('a refusal keeps its reason', async () => {
  browser.answer = () => refusal(404, 'session_not_found');
  const resume = { token, lastEventId: 'event_9' };
  await assert.rejects(connect(caller.request({ resume }), browser), { code: 'conversation_lost' });
  assert.equal(browser.asked[0].url.search, `?resume=${token}&last_event_id=event_9`);
  assert.equal(browser.requests('DELETE').length, 0);
});

test('client events are numbered POSTs, with the token and no key', async () => {
  const connection = await connected();
  connection.send({ type: 'response.create' });
  await settled();
  const [post] = posts();
  assert.equal(post.url.searchParams.get('seq'), '0');
  assert.equal(post.headers['Antiphon-Session'], token);
  assert.ok(!('Authorization' in post.headers));
  assert.deepEqual(bodies(), [[{ type: 'response.create' }]]);
});

test('events that come while a POST is under way go together in the next one', async () => {
  const connection = await connected();
  const answers = [];
  take = () => new Promise((resolve) => answers.push(resolve));
  for (const type of ['a', 'b', 'c']) connection.send({ type });
  await settled();
  answers[0](ACCEPTED());
  await settled();
  answers[1](ACCEPTED());
  assert.deepEqual(bodies(), [[{ type: 'a' }], [{ type: 'b' }, { type: 'c' }]]);
  assert.deepEqual(seqs(), ['0', '1']);
});

test('a POST that got no answer is repeated under its number', async () => {
  const connection = await connected();
  take = () => {
    throw new TypeError('Failed to fetch');
  };
  connection.send({ type: 'a' });
  await settled();
  take = ACCEPTED;
  await browser.pass(300);
  connection.send({ type: 'b' });
  await settled();
  assert.deepEqual(seqs(), ['0', '0', '1']);
  assert.deepEqual(bodies()[0], bodies()[1]);
});

test('a server that is busy is left alone for as long as it says', async () => {
  const connection = await connected();
  take = () => refusal(503, 'server_not_ready', 'no', { 'Retry-After': '5' });
  connection.send({ type: 'a' });
  await browser.pass(4_900);
  assert.equal(posts().length, 1);
  take = ACCEPTED;
  await browser.pass(200);
  assert.deepEqual(seqs(), ['0', '0']);
});

test('what the server does not take is dropped and told, and its number is used again', async () => {
  const connection = await connected();
  take = () => refusal(413, 'request_too_large', 'too large');
  connection.send({ type: 'a' });
  await settled();
  assert.match(caller.events.at(-1).error.message, /too large/);
  take = ACCEPTED;
  connection.send({ type: 'b' });
  await settled();
  assert.deepEqual(seqs(), ['0', '0']);
  assert.deepEqual(caller.lost, []);
});

test('when POSTs do not get through at all, the connection is lost', async () => {
  const connection = await connected();
  take = () => {
    throw new TypeError('Failed to fetch');
  };
  connection.send({ type: 'a' });
  await browser.pass(20_000);
  assert.deepEqual(
    caller.lost.map(({ code }) => code),
    ['connection_lost'],
  );
  assert.equal(browser.timers.size, 0);
});

test('numbers go on over the next connection, and what got no answer comes first', async () => {
  const first = await connected();
  first.send({ type: 'a' });
  await settled();
  take = () => new Promise(() => {});
  first.send({ type: 'b' });
  await settled();
  stream.end();
  await settled();
  assert.equal(caller.lost.length, 1);
  take = ACCEPTED;
  const second = await connected({ resume: { token, lastEventId: 'event_2' } });
  second.send({ type: 'c' });
  await settled();
  assert.deepEqual(seqs(), ['0', '1', '1', '2']);
  assert.deepEqual(bodies().slice(1), [[{ type: 'b' }], [{ type: 'b' }], [{ type: 'c' }]]);
});

test('what got no answer is repeated as soon as there is a connection again', async () => {
  const first = await connected();
  take = () => new Promise(() => {});
  first.send({ type: 'a' });
  await settled();
  first.close(true);
  take = ACCEPTED;
  await connected({ resume: { token, lastEventId: 'event_2' } });
  await settled();
  assert.deepEqual(seqs(), ['0', '0']);
});

test('a server that has forgotten the numbers says which one it wants', async () => {
  const first = await connected();
  first.send({ type: 'a' });
  await settled();
  first.close(true);
  take = ({ url }) =>
    url.searchParams.get('seq') === '0' ? ACCEPTED() : refusal(409, 'missing_post', 'The POST with seq=0 did not come');
  const second = await connected({ resume: { token, lastEventId: 'event_2' } });
  second.send({ type: 'b' });
  await settled();
  assert.deepEqual(seqs(), ['0', '1', '0']);
  assert.deepEqual(caller.lost, []);
});

test('of a conversation that is over nothing is kept', async () => {
  const first = await connected();
  take = () => new Promise(() => {});
  first.send({ type: 'a' });
  await settled();
  first.close(false);
  take = ACCEPTED;
  const second = await connected();
  await settled();
  assert.equal(posts().length, 1);
  take = () => refusal(404, 'session_not_found');
  second.send({ type: 'b' });
  await settled();
  take = ACCEPTED;
  await connected();
  await settled();
  assert.deepEqual(bodies(), [[{ type: 'a' }], [{ type: 'b' }]]);
});

test('a poll that a proxy puts off is asked again', async () => {
  const { polls, answer } = heldBack({ headersPass: false });
  const connecting = connect(caller.request(), browser);
  await browser.pass(4_100);
  await answer([CREATED], 'event_1');
  const connection = await connecting;
  polls.at(-1).resolve(new Response('<html>', { status: 429 }));
  await browser.pass(1_000);
  assert.equal(polls.length, 3);
  assert.deepEqual(caller.lost, []);
  connection.close(true);
});

test('a conversation that the server has not any more is lost', async () => {
  const connection = await connected();
  take = () => refusal(404, 'session_not_found');
  connection.send({ type: 'a' });
  await settled();
  assert.equal(caller.lost[0].code, 'conversation_lost');
});

test('the microphone goes out in pieces that suit POSTs', async () => {
  const microphone = new FakeMicrophone();
  await connected({ microphone });
  await settled();
  assert.equal(microphone.ms, 120);
  microphone.chunk(new Int16Array(2880));
  await settled();
  assert.equal(bodies()[0][0].type, 'input_audio_buffer.append');
});

test('a stream that breaks is a loss, and one that the server ended for good an end', async () => {
  await connected();
  stream.end();
  await settled();
  assert.equal(caller.lost[0].code, 'connection_lost');
  await connected();
  stream.write('retry: 3600000\n\n');
  stream.end();
  await settled();
  assert.equal(caller.lost[1].code, 'ended_by_server');
});

test('a stream that falls silent is a loss, and comments are signs of life', async () => {
  await connected();
  for (let count = 0; count < 10; count++) {
    await browser.pass(15_000);
    stream.write(': alive\n\n');
  }
  assert.deepEqual(caller.lost, []);
  await browser.pass(41_000);
  assert.equal(caller.lost[0].code, 'connection_lost');
});

test('to end the conversation is told to the server, also by a page that is left', async () => {
  const connection = await connected();
  connection.close(false);
  await settled();
  const [hangUp] = browser.requests('DELETE');
  assert.equal(hangUp.headers['Antiphon-Session'], token);
  assert.ok(hangUp.keepalive);
  assert.deepEqual(caller.lost, []);
  assert.equal(browser.timers.size, 0);
});

test('a conversation that goes on elsewhere is not ended', async () => {
  const connection = await connected();
  connection.close(true);
  await settled();
  assert.equal(browser.requests('DELETE').length, 0);
  assert.ok(browser.asked[0].signal.aborted);
});

test('an abort leaves nothing open', async () => {
  const connecting = connect(caller.request(), browser);
  await settled();
  const reason = new Error('too long');
  caller.abort(reason);
  await assert.rejects(connecting, (error) => error === reason);
  await settled();
  assert.equal(browser.requests('DELETE').length, 1); // the session that had begun
  assert.equal(browser.timers.size, 0);
  assert.ok(browser.asked[0].signal.aborted);
});

// --- long polling -----------------------------------------------------------------------------------------------

/** A proxy that holds streams back; polls are answered by the test, in turn. */
function heldBack({ headersPass }) {
  const polls = [];
  browser.answer = (asked) => {
    if (asked.method !== 'GET') return ACCEPTED();
    if (asked.url.searchParams.has('wait')) return new Promise((resolve) => polls.push({ asked, resolve }));
    return headersPass ? new FakeStream(asked.signal, { 'Antiphon-Session': token }).response : new Promise(() => {});
  };
  const answer = (events, lastEventId) => {
    polls.at(-1).resolve(new Response(JSON.stringify({ events, session: token, last_event_id: lastEventId })));
    return settled();
  };
  return { polls, answer };
}

test('a stream that is held back is replaced by polls', async () => {
  const { polls, answer } = heldBack({ headersPass: false });
  const connecting = connect(caller.request(), browser);
  await browser.pass(4_100);
  assert.equal(polls[0].asked.url.searchParams.get('model'), 'gpt-realtime');
  await answer([CREATED, RESUMABLE], 'event_2');
  const connection = await connecting;
  assert.equal(connection.token, token);
  assert.deepEqual(caller.types, ['antiphon.client.notice', 'session.created', 'antiphon.session.resumable']);
  assert.equal(caller.events[0].problem.code, 'stream_held_back');
  assert.equal(polls[1].asked.url.search, `?resume=${token}&last_event_id=event_2&wait=20`);
  connection.close(true);
});

test('a session that the stream has begun is gone on with by polls', async () => {
  const { polls, answer } = heldBack({ headersPass: true });
  const connecting = connect(caller.request(), browser);
  await browser.pass(2_100);
  assert.equal(polls[0].asked.url.searchParams.get('resume'), token);
  await answer(
    [{ type: 'antiphon.session.resumed', event_id: 'event_3', events: 2, complete: false }, CREATED],
    'event_1',
  );
  const connection = await connecting;
  assert.deepEqual(caller.types, ['antiphon.client.notice', 'session.created']);
  connection.close(true);
});

test('a poll that is lost on its way is asked again, and in the end the connection is lost', async () => {
  const { polls, answer } = heldBack({ headersPass: false });
  const connecting = connect(caller.request(), browser);
  await browser.pass(4_100);
  await answer([CREATED], 'event_1');
  await connecting;
  for (let count = 0; count < 5; count++) {
    polls.at(-1).resolve(new Response('<html>', { status: 200 }));
    await browser.pass(4_100);
  }
  assert.equal(polls.length, 6);
  assert.ok(polls.slice(1).every(({ asked }) => asked.url.search === polls[1].asked.url.search));
  assert.deepEqual(
    caller.lost.map(({ code }) => code),
    ['connection_lost'],
  );
});
