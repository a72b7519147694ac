// From where a conversation is gone on with, and which of its events were had already.

/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').ResumePoint} Point */

// A server that does not know our last event tells again all that it kept.
const MOST_REMEMBERED = 20_000;

// Its id is of one connection alone, and no place in the conversation.
const ASIDE = 'antiphon.media.missing';

export class Trail {
  #token = '';
  /** @type {string | null} */
  #lastEventId = null;
  /** @type {Set<string>} */
  #seen = new Set();
  /** Missed events that are still to come. */
  #missing = 0;

  /** @returns {Point | null} Null where the server gave nothing to come back with. */
  get point() {
    return this.#token ? { token: this.#token, lastEventId: this.#lastEventId } : null;
  }

  /** Whether all that was missed has come. */
  get isWhole() {
    return this.#missing <= 0;
  }

  /**
   * Note a token that came with a connection, and not in an event.
   *
   * @param {string | null} token
   */
  noteToken(token) {
    this.#token = token || this.#token;
  }

  /** The conversation is lost: forget the way back. */
  forget() {
    this.#token = '';
    this.#lastEventId = null;
    this.#missing = 0;
  }

  /**
   * Note a server event.
   *
   * @param {RealtimeEvent} given
   * @returns {boolean} Whether it is new.
   */
  note(given) {
    const event = /** @type {import('./events.js').ServerEvent} */ (given);
    if (event.type === 'antiphon.session.resumed') this.#missing = event.events;
    else this.#missing -= 1;
    if (event.type === 'antiphon.session.resumable') this.#token = event.token;
    // What transports tell themselves has no id.
    if (typeof event.event_id !== 'string') return true;
    if (event.type !== ASIDE) this.#lastEventId = event.event_id;
    if (this.#seen.has(event.event_id)) return false;
    this.#seen.add(event.event_id);
    if (this.#seen.size > MOST_REMEMBERED) this.#seen.delete(this.#seen.values().next().value ?? '');
    return true;
  }
}
