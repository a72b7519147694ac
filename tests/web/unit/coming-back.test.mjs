import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trail, ComingBack, backoff, remedy, stepsFrom } from '../../../src/antiphon/web/client/coming-back.js';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { VirtualClock, settle } from './virtual-clock.mjs';

/** Tries to come back; each try fails with the next code, and succeeds when there are none. */
function coming(codes, { online = true } = {}) {
  const seen = { clock: new VirtualClock(), stop: new AbortController(), online, at: [], anew: 0 };
  const connect = async () => {
    seen.at.push(seen.clock.now());
    const code = codes.length > 1 ? codes.shift() : codes[0];
    if (code) throw new ProblemError(code);
    return 'connection';
  };
  const onAnew = () => (seen.anew += 1);
  seen.back = new ComingBack({
    clock: seen.clock,
    signal: seen.stop.signal,
    isOnline: () => seen.online,
    onAnew,
  });
  /** The connection was lost. */
  seen.lose = (code = 'connection_lost') => {
    seen.result = seen.back.run({ code, detail: '' }, connect);
    seen.result.catch(() => {});
  };
  seen.lose();
  return seen;
}

test('the first try is at once, the next ones at growing distances', async () => {
  const seen = coming(['server_unreachable']);
  await seen.clock.pass(20_000);
  assert.deepEqual(seen.at, [0, 250, 750, 1750, 3750, 7750, 12_750, 17_750]);
});

test('chance spreads the tries of many clients', () => {
  assert.deepEqual([backoff(1, 0), backoff(1, 1), backoff(9, 0), backoff(0, 0.5)], [125, 250, 2500, 0]);
});

test('when it is there again, it is connected to', async () => {
  const seen = coming(['server_unreachable', 'server_not_ready', null]);
  await seen.clock.pass(1000);
  assert.equal(await seen.result, 'connection');
  assert.equal(seen.clock.timers.size, 0);
});

test('a conversation that is not there any more begins anew, at once', async () => {
  const seen = coming(['server_unreachable', 'server_unreachable', 'conversation_lost', null]);
  await seen.clock.pass(750);
  assert.deepEqual([seen.at, seen.anew], [[0, 250, 750, 750], 1]);
});

test('what cannot be helped ends it', async () => {
  const seen = coming(['origin_not_allowed']);
  await assert.rejects(seen.result, { code: 'origin_not_allowed' });
});

test('after five minutes without a server it gives up', async () => {
  const seen = coming(['server_unreachable']);
  await seen.clock.pass(310_000);
  await assert.rejects(seen.result, { code: 'server_unreachable' });
});

test('a server that lets in and closes is asked at growing distances, and not for ever', async () => {
  const seen = coming([null]);
  await settle();
  for (let losses = 0; losses < 4; losses += 1) {
    seen.back.connected();
    seen.lose();
    await seen.clock.pass(1000 * (losses === 3) + 1000);
  }
  assert.deepEqual(seen.at, [0, 250, 1500, 3000, 5000]);
});

test('a server that lets in and closes for five minutes is given up', async () => {
  const seen = coming([null]);
  for (let losses = 0; losses < 70; losses += 1) {
    await seen.clock.pass(5000);
    seen.back.connected();
    seen.lose('server_error');
  }
  await assert.rejects(seen.result, { code: 'server_error' });
  assert.ok(seen.at.length < 65);
});

test('behind a connection that lasted, coming back begins from the beginning', async () => {
  const seen = coming([null]);
  for (let losses = 0; losses < 100; losses += 1) {
    await settle();
    seen.back.connected();
    await seen.clock.pass(10_000);
    seen.lose();
  }
  await settle();
  assert.deepEqual(seen.at.slice(0, 3), [0, 10_000, 20_000]);
  assert.equal(seen.at.length, 101);
});

test('a new session that is not to be had either is not asked for without a pause', async () => {
  const seen = coming(['conversation_lost']);
  await seen.clock.pass(1000);
  assert.deepEqual(seen.at, [0, 0, 500, 500]);
});

test('to be refused twice, one right behind the other, is the end', async () => {
  const seen = coming([null]);
  await settle();
  for (const ms of [10_000, 10_000, 9_000]) {
    assert.equal(await seen.result, 'connection');
    seen.back.connected();
    await seen.clock.pass(ms);
    seen.lose('request_refused');
    await settle();
  }
  await assert.rejects(seen.result, { code: 'request_refused' });
});

test('without a network nothing is tried, and no time counts', async () => {
  const seen = coming(['server_unreachable'], { online: false });
  await seen.clock.pass(3_600_000);
  assert.deepEqual(seen.at, []);
  seen.online = true;
  seen.back.hurry();
  await settle();
  assert.deepEqual(seen.at, [3_600_000]);
});

test('news of the network is a reason to try at once', async () => {
  const seen = coming(['server_unreachable']);
  await seen.clock.pass(14_000);
  const before = seen.at.length;
  seen.back.hurry();
  await settle();
  assert.equal(seen.at.length, before + 1);
  assert.equal(seen.at.at(-1), 14_000);
});

test('it ends when it is not wanted any more', async () => {
  const seen = coming(['server_unreachable']);
  await seen.clock.pass(1000);
  seen.stop.abort(new Error('enough'));
  await assert.rejects(seen.result, { message: 'enough' });
  assert.equal(seen.clock.timers.size, 0);
});

test('problems have remedies', () => {
  const told = [
    'webrtc_blocked',
    'server_full',
    'token_failed',
    'conversation_lost',
    'session_expired',
    'key_invalid',
    'moved',
  ];
  assert.deepEqual(
    told.map((code) => remedy(new ProblemError(code))),
    ['again', 'again', 'again', 'anew', 'anew', 'end', 'end'],
  );
});

test('the first try goes the way that was there, and down from it; later ones begin at the top', () => {
  const all = ['webrtc', 'websocket', 'http'];
  assert.deepEqual(stepsFrom(all, 'websocket', true), ['websocket', 'http']);
  assert.deepEqual(stepsFrom(all, 'websocket', false), all);
  assert.deepEqual(stepsFrom(all, 'text', true), all);
});

test('each event is had once, and the last one is the place to come back to', () => {
  const trail = new Trail();
  assert.equal(trail.point, null);
  const resumable = { type: 'antiphon.session.resumable', event_id: 'e2', token: 'secret', resume_seconds: 60 };
  assert.deepEqual([trail.note({ type: 'session.created', event_id: 'e1' }), trail.note(resumable)], [true, true]);
  assert.deepEqual(trail.point, { token: 'secret', lastEventId: 'e2' });
  assert.equal(trail.note({ type: 'session.created', event_id: 'e1' }), false);
});

test('events of one connection alone, and those made here, are no place to come back to', () => {
  const trail = new Trail();
  trail.noteToken('secret');
  trail.note({ type: 'response.created', event_id: 'e1' });
  assert.equal(trail.note({ type: 'antiphon.media.missing', event_id: 'e2' }), true);
  assert.equal(trail.note({ type: 'output_audio_buffer.started' }), true);
  assert.equal(trail.note({ type: 'output_audio_buffer.started' }), true);
  assert.deepEqual(trail.point, { token: 'secret', lastEventId: 'e1' });
});

test('who comes back is whole when all that was missed has come', () => {
  const trail = new Trail();
  trail.note({ type: 'antiphon.session.resumed', event_id: 'e5', events: 2, complete: true });
  const whole = ['e6', 'e7'].map((event_id) => {
    trail.note({ type: 'response.done', event_id });
    return trail.isWhole;
  });
  assert.deepEqual(whole, [false, true]);
});

test('what transports and media tell themselves is nothing of what was missed', () => {
  const trail = new Trail();
  trail.note({ type: 'antiphon.session.resumed', event_id: 'e5', events: 1, complete: true });
  trail.note({ type: 'output_audio_buffer.cleared' });
  trail.note({ type: 'antiphon.media.missing', event_id: 'e6' });
  assert.equal(trail.isWhole, false);
  trail.note({ type: 'response.done', event_id: 'e7' });
  assert.equal(trail.isWhole, true);
});

test('who comes back and missed nothing is whole, whatever says so', () => {
  const trail = new Trail();
  trail.note({ type: 'antiphon.session.resumed', events: 0, complete: true });
  assert.equal(trail.isWhole, true);
});

test('a new session may have the ids of the one that was lost', () => {
  const trail = new Trail();
  trail.note({ type: 'session.created', event_id: 'event_1' });
  trail.forget();
  assert.equal(trail.note({ type: 'session.created', event_id: 'event_1' }), true);
});
