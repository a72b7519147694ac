// What the client put into the conversation and the server has not confirmed: a connection that breaks must not lose it.

/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./events.js').Item} Item */

const MOST_TIMES = 3; // what breaks the connection each time is let go

export class Outbox {
  #send;
  #newId;
  /** @type {Map<string, { item: Item, eventId: string, previous: string | undefined, times: number }>} By item. */
  #waiting = new Map();

  /**
   * @param {object} parts
   * @param {(event: RealtimeEvent) => void} parts.send Drops what cannot be sent.
   * @param {(prefix: string) => string} parts.newId
   */
  constructor({ send, newId }) {
    this.#send = send;
    this.#newId = newId;
  }

  /**
   * Put an item into the conversation.
   *
   * @param {Item} item With an id.
   * @param {{ eventId?: string, previous?: string }} [place] The item before it; the last one unless given.
   */
  add(item, { eventId = this.#newId('event_'), previous } = {}) {
    this.#waiting.set(item.id, { item, eventId, previous, times: 0 });
    this.#put(item.id);
  }

  /**
   * Whether an item is still to be confirmed.
   *
   * @param {string} itemId
   */
  awaits(itemId) {
    return this.#waiting.has(itemId);
  }

  /** Send again what was not confirmed. An item that is there already is refused for its id, which does no harm. */
  sendAgain() {
    for (const id of [...this.#waiting.keys()]) this.#put(id);
  }

  /** Let go of all. */
  forget() {
    this.#waiting.clear();
  }

  /**
   * Take a server event.
   *
   * @param {RealtimeEvent} given
   */
  receive(given) {
    const event = /** @type {import('./events.js').ServerEvent} */ (given);
    if (event.type === 'conversation.item.added') this.#waiting.delete(event.item.id);
    if (event.type === 'error' && event.error.event_id) this.#refuse(event.error.event_id);
  }

  /** @param {string} eventId */
  #refuse(eventId) {
    for (const [id, waiting] of this.#waiting) if (waiting.eventId === eventId) this.#waiting.delete(id);
  }

  /** @param {string} id */
  #put(id) {
    const waiting = this.#waiting.get(id);
    if (!waiting || ++waiting.times > MOST_TIMES) return void this.#waiting.delete(id);
    const { item, eventId, previous } = waiting;
    const place = previous === undefined ? {} : { previous_item_id: previous };
    this.#send({ type: 'conversation.item.create', event_id: eventId, ...place, item });
  }
}
