// What the page makes of a turn's times: bars, response times, the session on one axis.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrange, tickSeconds } from '../../../src/antiphon/web/page/session-scale.js';
import { beginOf, endOf, layOut, medianResponse, turnAt } from '../../../src/antiphon/web/page/turn-facts.js';

const span = (phase, begin, end) => ({ phase, begin, end });
const turn = (more) => ({
  id: 'turn_1',
  number: 1,
  begun: 'voice',
  spans: [],
  responseMs: null,
  status: 'done',
  ...more,
});
const spoken = turn({
  spans: [
    span('speech', 1000, 3000),
    span('endpointing', 3000, 3500),
    span('stt', 3500, 3600),
    span('playback', 3700, 5000),
  ],
  responseMs: 700,
});

test('bars begin where the turn began', () => {
  const { bars, ms } = layOut(spoken, 9000);
  assert.deepEqual(bars[1], { phase: 'endpointing', from: 2000, ms: 500, lasts: false });
  assert.equal(ms, 4000);
});

test('the wait lies between the end of the speech and the first sound', () => {
  const { spokenAt, heardAt } = layOut(spoken, 9000);
  assert.deepEqual([spokenAt, heardAt], [2000, 2700]);
});

test('a phase that lasts reaches to the present', () => {
  const { bars, heardAt, spokenAt } = layOut(turn({ spans: [span('model', 100, null)] }), 350);
  assert.deepEqual(bars, [{ phase: 'model', from: 0, ms: 250, lasts: true }]);
  assert.deepEqual([spokenAt, heardAt], [null, null]);
});

test('a turn of which nothing is known has neither beginning nor end', () => {
  assert.equal(beginOf(turn()), null);
  assert.equal(endOf(turn(), 5), null);
  assert.deepEqual(layOut(turn(), 5).bars, []);
});

test('the median passes over turns without a sound', () => {
  const turns = [900, null, 300, 500, null, 600].map((responseMs) => turn({ responseMs }));
  assert.equal(medianResponse(turns), 550);
  assert.equal(medianResponse(turns.slice(0, 3)), 600);
  assert.equal(medianResponse([turn()]), null);
});

test('a moment belongs to the turn that had begun last', () => {
  const second = turn({ id: 'turn_2', spans: [span('speech', 6000, 7000)] });
  assert.equal(turnAt([spoken, second], 5900)?.id, 'turn_1');
  assert.equal(turnAt([spoken, second], 6000)?.id, 'turn_2');
  assert.equal(turnAt([spoken, second], 10), null);
});

test('the session begins with the first thing that happened', () => {
  const marks = [{ at: 400, type: 'transport', name: 'webrtc' }];
  const session = arrange({ turns: [spoken], history: [], marks, began: 500, now: 9400 });
  assert.deepEqual([session.origin, session.ms], [400, 9000]);
  assert.equal(session.marks[0].from, 0);
  assert.deepEqual(session.turns[0].pieces, [
    { lane: 'user', from: 600, ms: 2000, lasts: false },
    { lane: 'assistant', from: 3300, ms: 1300, lasts: false },
  ]);
});

test('what is not over grows with the session', () => {
  const going = turn({ spans: [span('speech', 1000, 1500), span('playback', 2000, null)] });
  const session = arrange({ turns: [going], history: [], marks: [], began: 1000, now: 3000 });
  assert.ok(session.turns[0].lasts);
  assert.deepEqual(
    session.turns[0].pieces.map(({ ms, lasts }) => [ms, lasts]),
    [
      [500, false],
      [1000, true],
    ],
  );
});

test('a written turn is seen on the lane of the user, and calls of tools on the axis', () => {
  const written = turn({ begun: 'text', spans: [span('model', 2000, 2100)] });
  const history = [{ id: 'item_1', from: 'tool', at: 2050 }];
  const session = arrange({ turns: [written], history, marks: [], began: 1000, now: 3000 });
  assert.equal(session.turns[0].pieces[0].lane, 'user');
  assert.equal(session.tools[0].from, 1050);
});

test('labels of the axis keep their distance', () => {
  assert.equal(tickSeconds(8), 10);
  assert.equal(tickSeconds(40), 2);
  assert.equal(tickSeconds(0.01), 600);
});
