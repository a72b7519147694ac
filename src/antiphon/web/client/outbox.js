// What is to reach the server though connections break: items, and the wish for an answer to them.

/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./events.js').Item} Item */

const TOO_EARLY = 'conversation_already_has_active_response';
const MOST_TIMES = 3; // what breaks the connection each time is let go

/** What was put into the conversation and the server has not confirmed. */
export class Outbox {
  #send;
  #newId;
  /** @type {Map<string, { item: Item, eventId: string, previous: string | undefined, times: number }>} By item. */
  #waiting = new Map();
  /** @type {Set<string>} What was let go: a few, since each of them takes some connections. */
  #broken = new Set();

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
   * @param {{ eventId?: string, previous?: string, times?: number }} [place] The item before it, the last one unless given; how often
   *   it was sent.
   */
  add(item, { eventId = this.#newId('event_'), previous, times = 0 } = {}) {
    this.#waiting.set(item.id, { item, eventId, previous, times });
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

  /**
   * Put items into a new session, and nothing else. The first one that the last session did not confirm may be what it broke at.
   *
   * @param {readonly Item[]} items
   */
  carry(items) {
    const [suspect] = this.#waiting.values();
    this.forget();
    for (const item of items) {
      const times = item.id === suspect?.item.id ? suspect.times : 0;
      if (!this.#broken.has(item.id)) this.add(item, { times });
    }
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
    if (!waiting) return;
    if (++waiting.times > MOST_TIMES) {
      this.#broken.add(id);
      this.#waiting.delete(id);
      return;
    }
    const { item, eventId, previous } = waiting;
    const place = previous === undefined ? {} : { previous_item_id: previous };
    this.#send({ type: 'conversation.item.create', event_id: eventId, ...place, item });
  }
}

/**
 * An answer that is wanted.
 *
 * @typedef {object} Wish
 * @property {string} itemId What it is to answer.
 * @property {string | null} eventId Of the `response.create` that asks for it; null while it could not be sent.
 */

/** Asks for an answer to what was put into the conversation, once, and not before the server can take it. */
export class Asking {
  #send;
  #mayAsk;
  #isThere;
  #newId;
  /** @type {Wish | null} */
  #wish = null;
  /** @type {Wish | null} The last one that was fulfilled, as it seemed. */
  #last = null;

  /**
   * @param {object} parts
   * @param {(event: RealtimeEvent) => void} parts.send
   * @param {() => boolean} parts.mayAsk Whether no response is running or to come by itself.
   * @param {(itemId: string) => boolean} parts.isThere Whether the server has an item: each response from then on answers it.
   * @param {(prefix: string) => string} parts.newId
   */
  constructor({ send, mayAsk, isThere, newId }) {
    this.#send = send;
    this.#mayAsk = mayAsk;
    this.#isThere = isThere;
    this.#newId = newId;
  }

  /**
   * Want an answer to an item that was just sent, and to all before it.
   *
   * @param {string} itemId
   */
  ask(itemId) {
    this.#wish = { itemId, eventId: null };
    this.#ask();
  }

  /** What was asked may have been lost: ask again, unless it was answered meanwhile. */
  askAgain() {
    if (this.#wish) this.#wish = { ...this.#wish, eventId: null };
    this.#ask();
  }

  /** Want nothing any more. */
  forget() {
    this.#wish = this.#last = null;
  }

  /**
   * Take a server event, behind what `mayAsk` and `isThere` go by.
   *
   * @param {RealtimeEvent} given
   */
  receive(given) {
    const event = /** @type {import('./events.js').ServerEvent} */ (given);
    if (event.type === 'response.created' && event.response.conversation_id !== null) this.#fulfil();
    if (event.type === 'error' && event.error.code === TOO_EARLY) this.#takeBack(event.error.event_id ?? null);
    this.#ask();
  }

  #fulfil() {
    if (!this.#wish || !(this.#wish.eventId || this.#isThere(this.#wish.itemId))) return;
    this.#last = this.#wish;
    this.#wish = null;
  }

  /** @param {string | null} eventId */
  #takeBack(eventId) {
    // What seemed to be the answer was another one, which had begun before.
    const refused = [this.#wish, this.#last].find((wish) => wish?.eventId && wish.eventId === eventId);
    if (refused) this.#wish = { ...refused, eventId: null };
  }

  #ask() {
    if (!this.#wish || this.#wish.eventId || !this.#mayAsk()) return;
    this.#wish.eventId = this.#newId('event_');
    this.#send({ type: 'response.create', event_id: this.#wish.eventId });
  }
}
