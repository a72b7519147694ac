import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { Answers } from '../../../src/antiphon/web/client/transports/answers.js';
import { PlayedAnswers } from '../../../src/antiphon/web/client/transports/played-answers.js';
import { connect } from '../../../src/antiphon/web/client/transports/webrtc.js';
import { CREATED, Caller, FakeBrowser, FakeMicrophone, created, refusal, settled } from './transports-fakes.mjs';

const TURN = { iceServers: [{ urls: 'turn:turn.example' }] };

/** @type {FakeBrowser} */
let browser;
/** @type {Caller} */
let caller;

beforeEach(() => {
  browser = new FakeBrowser();
  caller = new Caller();
  browser.answer = ({ method, url }) => {
    if (method === 'DELETE') return new Response();
    if (url.pathname.endsWith('/ice_servers')) return new Response(JSON.stringify(TURN));
    const headers = { Location: '/v1/realtime/calls/rtc_1', 'Antiphon-Session': 'TOKEN' };
    return new Response('the answer', { status: 201, headers });
  };
});

async function begun(given = {}) {
  const connecting = connect(caller.request(given), browser);
  connecting.catch(() => {});
  await settled();
  const peer = browser.peers.at(-1);
  return { connecting, peer };
}

async function connected(given = {}) {
  const { connecting, peer } = await begun(given);
  peer.becomes('connected');
  peer.channel.open();
  return { connection: await connecting, peer, channel: peer.channel };
}

const calls = () => browser.requests('POST');

test('an offer is posted, and its call is open when the data channel is', async () => {
  const { connecting, peer } = await begun();
  let isConnected = false;
  connecting.then(() => (isConnected = true));
  peer.becomes('connected');
  await settled();
  assert.ok(!isConnected);
  peer.channel.open();
  const connection = await connecting;
  const [post] = calls();
  assert.equal(post.url.pathname + post.url.search, '/v1/realtime/calls?model=gpt-realtime&antiphon_events=true');
  assert.equal(post.body, 'the offer');
  assert.equal(post.headers.Authorization, 'Bearer ek_1');
  assert.equal(peer.channel.protocols, 'oai-events');
  assert.deepEqual(peer.remoteDescription, { type: 'answer', sdp: 'the answer' });
  assert.equal(connection.token, 'TOKEN');
  assert.deepEqual(peer.configuration, TURN);
});

test('OpenAI is asked for no ICE servers, and for none of our events', async () => {
  await begun({ server: { url: 'https://api.openai.com/v1', kind: 'openai' } });
  assert.deepEqual(
    browser.asked.map(({ url }) => url.href),
    ['https://api.openai.com/v1/realtime/calls?model=gpt-realtime'],
  );
});

test('without ICE servers the call is tried all the same', async () => {
  const { answer } = browser;
  browser.answer = (asked) => (asked.url.pathname.endsWith('/ice_servers') ? new Promise(() => {}) : answer(asked));
  await begun();
  assert.equal(calls().length, 0);
  await browser.pass(2_100);
  assert.equal(calls().length, 1);
});

test('the microphone is sent, and another one when it changes; without one the call only listens', async () => {
  const microphone = new FakeMicrophone();
  const { peer } = await connected({ microphone });
  assert.equal(peer.senders[0].track, microphone.track);
  microphone.track = { readyState: 'live', muted: false, another: true };
  microphone.dispatchEvent(new Event('trackchange'));
  assert.ok(peer.senders[0].track.another);
  const { peer: listening } = await connected();
  assert.deepEqual(listening.transceivers, ['audio recvonly']);
});

test('the answer is played, whether or not its track belongs to a stream', async () => {
  const { peer } = await connected();
  const stream = {};
  peer.ontrack({ streams: [stream], track: 'track' });
  peer.ontrack({ streams: [], track: 'track' });
  assert.equal(caller.loudspeaker.played[0], stream);
  assert.deepEqual(caller.loudspeaker.played[1].tracks, ['track']);
});

test('a browser without WebRTC says so', async () => {
  browser.RTCPeerConnection = undefined;
  await assert.rejects(connect(caller.request(), browser), { code: 'webrtc_unsupported' });
});

test('a refused call leaves nothing behind', async () => {
  browser.answer = () => refusal(501, 'webrtc_not_available');
  const { connecting, peer } = await begun();
  await assert.rejects(connecting, { code: 'webrtc_not_available' });
  assert.ok(peer.isClosed);
  assert.equal(browser.timers.size, 0);
});

test('a call that found no way is blocked, and is ended at the server', async () => {
  const { connecting, peer } = await begun();
  peer.becomes('failed');
  await assert.rejects(connecting, { code: 'webrtc_blocked' });
  await settled();
  assert.ok(peer.isClosed);
  assert.equal(browser.requests('DELETE')[0].url.pathname, '/v1/realtime/calls/rtc_1');
});

test('a call that found no way in time is told apart from a server that does not answer', async () => {
  const late = new ProblemError('timed_out', 'no connection within 8 s');
  const { connecting } = await begun();
  caller.abort(late);
  await assert.rejects(connecting, { code: 'webrtc_blocked', detail: /ICE is new/ });
  caller = new Caller();
  browser.answer = () => new Promise(() => {});
  const { connecting: unanswered } = await begun();
  caller.abort(late);
  await assert.rejects(unanswered, (error) => error === late);
});

test('a conversation that was to be gone on with is not ended by a call that failed', async () => {
  const { connecting, peer } = await begun({ resume: { token: 'TOKEN', lastEventId: 'event_9' } });
  assert.equal(calls()[0].url.search, '?resume=TOKEN&last_event_id=event_9');
  peer.becomes('failed');
  await assert.rejects(connecting, { code: 'webrtc_blocked' });
  await settled();
  assert.equal(browser.requests('DELETE').length, 0);
});

test('events go both ways, in text', async () => {
  const { connection, channel } = await connected();
  channel.tell(CREATED);
  connection.send({ type: 'output_audio_buffer.clear' });
  assert.deepEqual(caller.events, [CREATED]);
  assert.deepEqual(channel.sent, [{ type: 'output_audio_buffer.clear' }]);
});

test('an event that no call takes is refused by name', async () => {
  const { connection, channel } = await connected();
  connection.send({ type: 'conversation.item.create', event_id: 'mine', item: { image: 'x'.repeat(2_000) } });
  const { error } = caller.events.at(-1);
  assert.equal(error.code, 'message_too_large');
  assert.equal(error.event_id, 'mine');
  assert.deepEqual(channel.sent, []);
});

test('a short break is none, a longer one is a loss', async () => {
  const { peer } = await connected();
  peer.becomes('disconnected');
  await browser.pass(3_000);
  peer.becomes('connected');
  await browser.pass(10_000);
  assert.deepEqual(caller.lost, []);
  peer.becomes('disconnected');
  await browser.pass(4_100);
  assert.deepEqual(
    caller.lost.map(({ code }) => code),
    ['connection_lost'],
  );
  assert.ok(!peer.isClosed); // the close would end the conversation, if it got through
});

/** Lets time go by while audio comes, or does not. */
async function pass(peer, seconds, arrives) {
  for (let half = 0; half < 2 * seconds; half++) {
    if (arrives) peer.packetsReceived += 1;
    await browser.pass(500);
  }
}

test('a server that sends nothing any more is lost before the browser says so', async () => {
  const { peer } = await connected();
  await pass(peer, 5, true);
  await pass(peer, 2, false);
  await pass(peer, 5, true);
  assert.deepEqual(caller.lost, []);
  await pass(peer, 4, false);
  assert.deepEqual(caller.lost, [{ code: 'connection_lost', detail: 'nothing came over the connection for 3 s' }]);
  assert.ok(!peer.isClosed);
});

test('where nothing is known of what comes, or others than Antiphon send, silence is no loss', async () => {
  const { peer: unknown } = await connected();
  await pass(unknown, 10, false);
  const { peer } = await connected({ server: { url: 'https://api.openai.com/v1', kind: 'openai' } });
  await pass(peer, 1, true);
  await pass(peer, 10, false);
  assert.deepEqual(caller.lost, []);
});

test('a call that failed is a loss, told once', async () => {
  const { peer, channel } = await connected();
  peer.becomes('failed');
  channel.onclose?.({});
  assert.deepEqual(
    caller.lost.map(({ code }) => code),
    ['connection_lost'],
  );
});

test('the server closes the channel, and what it said before tells why', async () => {
  const { channel } = await connected();
  channel.tell({ type: 'antiphon.session.moved', event_id: 'event_3' });
  channel.onclose({});
  assert.equal(caller.lost[0].code, 'moved');
});

test('a microphone that the server does not hear is a reason to go, if it should be heard', async () => {
  const microphone = new FakeMicrophone();
  const missing = { type: 'antiphon.media.missing', event_id: 'event_3', seconds: 15 };
  const { channel } = await connected({ microphone });
  microphone.track.muted = true;
  channel.tell(missing);
  assert.deepEqual(caller.lost, []);
  microphone.track.muted = false;
  channel.tell(missing);
  assert.equal(caller.lost[0].code, 'webrtc_silent');
});

test('to end a conversation closes the call and leaves silence', async () => {
  const { connection, peer } = await connected();
  connection.close(false);
  assert.ok(peer.isClosed);
  assert.equal(caller.loudspeaker.stops, 1);
  assert.deepEqual(caller.lost, []);
});

test('a call that goes on elsewhere is deaf and dumb until the server ends it', async () => {
  const microphone = new FakeMicrophone();
  const { connection, peer, channel } = await connected({ microphone });
  connection.close(true);
  assert.ok(!peer.isClosed);
  assert.equal(peer.senders[0].track, null);
  assert.ok(!peer.receivers[0].track.enabled);
  assert.equal(caller.loudspeaker.stops, 0);
  channel.onclose({});
  assert.ok(peer.isClosed);
  assert.equal(browser.timers.size, 0);
});

test('what came over a step below and is playing still falls silent when the user speaks', async () => {
  const { channel } = await connected();
  const answers = PlayedAnswers.of(caller.loudspeaker);
  answers.open();
  Answers.of(caller.loudspeaker).note(created());
  answers.play({ event_id: 'event_2', response_id: 'resp_1', item_id: 'item_1' }, new Uint8Array(4_800));
  channel.tell({ type: 'input_audio_buffer.speech_started', event_id: 'event_3' });
  assert.equal(caller.loudspeaker.queue().clears, 1);
  assert.equal(caller.types.at(-1), 'output_audio_buffer.cleared');
});
