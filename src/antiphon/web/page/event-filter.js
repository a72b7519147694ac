// Which of the raw events are shown, and how they leave the page.

/** @typedef {import('../client/types.js').RealtimeEvent} RealtimeEvent */

/** @typedef {import('../client/event-log.js').Logged} Logged */

export const GROUPS = /** @type {const} */ ([
  'session',
  'conversation',
  'input',
  'response',
  'output',
  'error',
  'antiphon',
  'other',
]);

/** @typedef {typeof GROUPS[number]} Group */

/** @type {readonly (readonly [string, Group])[]} */
const PREFIXES = [
  ['session.', 'session'],
  ['transcription_session.', 'session'],
  ['conversation.', 'conversation'],
  ['input_audio_buffer.', 'input'],
  ['response.', 'response'],
  ['output_audio_buffer.', 'output'],
  ['error', 'error'],
  ['antiphon.', 'antiphon'],
];

/**
 * @param {string} type
 * @returns {Group}
 */
export function groupOf(type) {
  return PREFIXES.find(([prefix]) => type.startsWith(prefix))?.[1] ?? 'other';
}

/** @type {WeakMap<object, string>} */
const searchable = new WeakMap();

/** @param {RealtimeEvent} event */
function textOf(event) {
  const text = searchable.get(event) ?? JSON.stringify(event).toLowerCase();
  searchable.set(event, text);
  return text;
}

/**
 * @typedef {object} Filter
 * @property {string} search Words that must all be in the event's JSON.
 * @property {'both' | 'in' | 'out'} direction
 * @property {Group | 'all'} group
 */

/**
 * @param {readonly Logged[]} log
 * @param {Filter} filter
 * @returns {readonly Logged[]}
 */
export function filtered(log, { search, direction, group }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && direction === 'both' && group === 'all') return log;
  return log.filter(
    (logged) =>
      (direction === 'both' || logged.direction === direction) &&
      (group === 'all' || groupOf(logged.event.type) === group) &&
      words.every((word) => textOf(logged.event).includes(word)),
  );
}

/**
 * @param {readonly Logged[]} log
 * @param {number} timeOrigin Unix time in ms of what `at` counts from.
 * @returns {string} A JSON object to a line: `at` (ISO 8601), `direction`, `transport`, `event`.
 */
export function toJsonLines(log, timeOrigin) {
  return log
    .map(({ at, direction, event, transport }) => {
      const time = new Date(timeOrigin + at).toISOString();
      return `${JSON.stringify({ at: time, direction, transport, event: withoutSecrets(event) })}\n`;
    })
    .join('');
}

/**
 * @param {RealtimeEvent} event
 * @returns {RealtimeEvent} Without the conversation's token: whoever has it can take the conversation over.
 */
export function withoutSecrets(event) {
  return event.type === 'antiphon.session.resumable' && 'token' in event ? { ...event, token: '…' } : event;
}
