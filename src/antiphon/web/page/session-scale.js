// The session on one axis of time: what lies where, in milliseconds since its first moment.

import { beginOf, endOf } from './turn-facts.js';

/** @typedef {import('../client/types.js').Turn} Turn */
/** @typedef {import('../client/types.js').Entry} Entry */

/**
 * Something that happened to the conversation as a whole.
 *
 * @typedef {{ at: number, type: 'transport', name: import('../client/types.js').TransportName }
 *   | { at: number, type: 'problem', problem: import('../client/types.js').Problem }} Mark
 */

/** @typedef {'user' | 'assistant' | 'tool' | 'line'} Lane */

/**
 * @typedef {object} Piece
 * @property {Lane} lane
 * @property {number} from Milliseconds since the session's first moment.
 * @property {number} ms 0 for a moment.
 * @property {boolean} lasts Whether it reaches to the present, and grows.
 */

const WRITTEN_MS = 400; // a written turn has no length of its own: enough to be seen

/**
 * @param {{ turns: readonly Turn[], history: readonly Entry[], marks: readonly Mark[], began: number | null, now: number }} session Times by
 *   performance.now().
 * @returns {{ ms: number, origin: number, turns: { turn: Turn, from: number, ms: number, lasts: boolean, pieces: Piece[] }[],
 *   tools: { entry: Entry, from: number }[], marks: { mark: Mark, from: number }[] }}
 */
export function arrange({ turns, history, marks, began, now }) {
  const starts = [...turns.map(beginOf), ...marks.map(({ at }) => at), began].filter((at) => at !== null);
  const origin = Math.min(now, ...starts);
  return {
    origin,
    ms: lengthOf(origin, now),
    turns: turns.flatMap((turn) => placed(turn, origin, now)),
    tools: history
      .filter(({ from }) => from === 'tool')
      .map((entry) => ({ entry, from: Math.max(0, entry.at - origin) })),
    marks: marks.map((mark) => ({ mark, from: mark.at - origin })),
  };
}

/**
 * @param {number} origin
 * @param {number} now
 * @returns {number} Milliseconds that the axis has.
 */
export function lengthOf(origin, now) {
  return Math.max(1000, now - origin);
}

/**
 * @param {Turn} turn
 * @param {number} origin
 * @param {number} now
 */
function placed(turn, origin, now) {
  const [begin, end] = [beginOf(turn), endOf(turn, now)];
  if (begin === null || end === null) return [];
  const lasts = turn.spans.some((span) => span.end === null);
  return [{ turn, from: begin - origin, ms: end - begin, lasts, pieces: piecesOf(turn, begin, origin, now) }];
}

/**
 * @param {Turn} turn
 * @param {number} begin
 * @param {number} origin
 * @param {number} now
 * @returns {Piece[]}
 */
function piecesOf(turn, begin, origin, now) {
  const pieces = turn.spans.flatMap((span) => pieceOf(span, origin, now));
  if (turn.begun === 'text') pieces.unshift({ lane: 'user', from: begin - origin, ms: WRITTEN_MS, lasts: false });
  return pieces;
}

/**
 * @param {Turn['spans'][number]} span
 * @param {number} origin
 * @param {number} now
 * @returns {Piece[]}
 */
function pieceOf({ phase, begin, end }, origin, now) {
  const lane = phase === 'speech' ? 'user' : phase === 'playback' ? 'assistant' : null;
  return lane === null ? [] : [{ lane, from: begin - origin, ms: (end ?? now) - begin, lasts: end === null }];
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

/**
 * @param {number} pixelsPerSecond
 * @returns {number} How many seconds lie between two labels of the axis, so that they stand at least 72 pixels apart.
 */
export function tickSeconds(pixelsPerSecond) {
  return STEPS.find((seconds) => seconds * pixelsPerSecond >= 72) ?? 600;
}
