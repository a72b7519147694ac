// The latest events both ways, to look at. Audio is left out: it would be most of the memory.

/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').TransportName} TransportName */

/**
 * @typedef {object} Logged
 * @property {number} at By performance.now().
 * @property {'in' | 'out'} direction
 * @property {RealtimeEvent} event Audio in it is replaced by its length.
 * @property {TransportName | null} transport Null while there was no connection.
 */

const MOST = 2000;
// Where events have audio in base64. Text is in fields of these names as well, so the type decides.
/** @type {Record<string, string>} */
const AUDIO_FIELDS = {
  'input_audio_buffer.append': 'audio',
  'response.output_audio.delta': 'delta',
  'response.audio.delta': 'delta',
};

export class EventLog {
  #most;
  /** @type {Logged[]} */
  #logged = [];
  /** @type {readonly Logged[] | null} */
  #shown = null;

  /** @param {number} [most] How many are kept. */
  constructor(most = MOST) {
    this.#most = most;
  }

  /** @returns {readonly Logged[]} From the oldest on. */
  get entries() {
    return (this.#shown ??= this.#logged.slice(-this.#most));
  }

  /** @param {Logged} logged */
  add(logged) {
    this.#shown = null;
    this.#logged.push({ ...logged, event: withoutAudio(logged.event) });
    // Let go in bulk: shifting an array for each event costs time.
    if (this.#logged.length >= 2 * this.#most) this.#logged = this.#logged.slice(-this.#most);
  }
}

/**
 * Return an event with its audio's length in place of the audio.
 *
 * @param {RealtimeEvent} event
 * @returns {RealtimeEvent}
 */
export function withoutAudio(event) {
  const field = AUDIO_FIELDS[event.type];
  const audio = field && event[field];
  if (typeof audio === 'string' && audio) return { ...event, [field]: told(audio.length) };
  return event.type.startsWith('conversation.item.') && event.item ? { ...event, item: silenced(event.item) } : event;
}

/**
 * @param {unknown} item
 * @returns {unknown}
 */
function silenced(item) {
  const parts = /** @type {{ content?: unknown }} */ (item).content;
  if (!Array.isArray(parts) || !parts.some((part) => typeof part?.audio === 'string')) return item;
  const content = parts.map((part) =>
    typeof part?.audio === 'string' ? { ...part, audio: told(part.audio.length) } : part,
  );
  return { .../** @type {object} */ (item), content };
}

/** @param {number} length Of base64. */
function told(length) {
  return `(${Math.floor((length * 3) / 4)} bytes of audio)`;
}
