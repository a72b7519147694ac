// What a turn's times say: bars for its phases, the response time, the median over all.

/** @typedef {import('../client/types.js').Turn} Turn */
/** @typedef {import('../client/types.js').Phase} Phase */

/** @type {readonly Phase[]} */
export const PHASES = ['speech', 'endpointing', 'stt', 'model', 'tts', 'playback'];

/**
 * A phase on the turn's own axis.
 *
 * @typedef {object} Bar
 * @property {Phase} phase
 * @property {number} from Milliseconds since the turn began.
 * @property {number} ms
 * @property {boolean} lasts Whether it is still going on.
 */

/**
 * @param {Turn} turn
 * @param {number} now By performance.now(): where phases that last reach to.
 * @returns {{ bars: Bar[], ms: number, spokenAt: number | null, heardAt: number | null }} `ms` is the whole turn's length; `spokenAt` and
 *   `heardAt` say when the user had ended and when the answer was first heard, in milliseconds since the turn began.
 */
export function layOut(turn, now) {
  const begin = beginOf(turn) ?? now;
  const bars = turn.spans.map((span) => bar(span, begin, now));
  const heard = bars.find(({ phase }) => phase === 'playback')?.from ?? null;
  const spoken = heard !== null && turn.responseMs !== null ? heard - turn.responseMs : null;
  return { bars, ms: Math.max(1, ...bars.map(({ from, ms }) => from + ms)), spokenAt: spoken, heardAt: heard };
}

/**
 * @param {Turn['spans'][number]} span
 * @param {number} begin
 * @param {number} now
 * @returns {Bar}
 */
function bar({ phase, begin: from, end }, begin, now) {
  return { phase, from: from - begin, ms: Math.max(0, (end ?? Math.max(now, from)) - from), lasts: end === null };
}

/**
 * @param {Turn} turn
 * @returns {number | null} By performance.now(); null while nothing of it is known.
 */
export function beginOf(turn) {
  return turn.spans.length === 0 ? null : Math.min(...turn.spans.map(({ begin }) => begin));
}

/**
 * @param {Turn} turn
 * @param {number} now
 * @returns {number | null} By performance.now(); `now` while it lasts.
 */
export function endOf(turn, now) {
  return turn.spans.length === 0 ? null : Math.max(...turn.spans.map(({ end }) => end ?? now));
}

/**
 * @param {readonly Turn[]} turns
 * @returns {number | null} Milliseconds; null while there is none.
 */
export function medianResponse(turns) {
  const known = turns.flatMap(({ responseMs }) => (responseMs === null ? [] : [responseMs])).sort((a, b) => a - b);
  if (known.length === 0) return null;
  const [low, high] = [known[(known.length - 1) >> 1], known[known.length >> 1]];
  return (Number(low) + Number(high)) / 2;
}

/**
 * @param {readonly Turn[]} turns
 * @param {number} at By performance.now().
 * @returns {Turn | null} The turn that something of that time belongs to.
 */
export function turnAt(turns, at) {
  return turns.findLast((turn) => (beginOf(turn) ?? Infinity) <= at + 1) ?? null;
}
