// All that is known of a conversation, from its events: it needs no browser.
import { Activity } from './activity.js';
import { History } from './history.js';
import { Timeline } from './timeline.js';

/** @typedef {import('./types.js').Entry} Entry */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').SessionConfig} SessionConfig */
/** @typedef {import('./types.js').TransportName} TransportName */
/** @typedef {import('./types.js').Turn} Turn */

// These ways play from one queue, which goes on while the connection changes.
const QUEUED = new Set(['websocket', 'http']);

/**
 * What changed with an event.
 *
 * @typedef {{ entry: Entry | null, turn: Turn | null }} Change
 */

export class Conversation {
  activity = new Activity();
  history;
  timeline;
  /** @type {SessionConfig | null} As the server last told it. */
  session = null;
  /** @type {Set<string> | null} What was there before a part in text, which the server has under ids of its own. */
  #beforeText = null;

  /** @type {TransportName | null} */
  #transport = null;

  /** @param {{ isOwnTool: (name: string) => boolean, cascade: boolean }} options */
  constructor({ isOwnTool, cascade }) {
    this.history = new History({ isOwnTool });
    this.timeline = new Timeline({ cascade });
  }

  /**
   * Take a server event.
   *
   * @param {RealtimeEvent} event
   * @param {number} now
   * @param {TransportName} transport
   * @returns {Change}
   */
  receive(event, now, transport) {
    if (event.type === 'session.created' || event.type === 'session.updated') {
      this.session = /** @type {SessionConfig} */ (event.session);
    }
    if (event.type === 'antiphon.session.resumed') this.#resume(transport);
    if (event.type === 'session.created') this.#beforeText = null;
    this.#transport = transport;
    this.activity.receive(event);
    return { entry: this.history.receive(event, now), turn: this.timeline.receive(event, now) };
  }

  /**
   * Note what the user wrote.
   *
   * @param {import('./events.js').Item} item
   * @param {number} now
   * @returns {Change}
   */
  write(item, now) {
    return { entry: this.history.write(item, now), turn: this.timeline.write(item.id, now) };
  }

  /**
   * The conversation goes on over another connection.
   *
   * The way of text tells its events under ids of its own. Whoever comes back to events is told of them again, as the
   * server has them.
   *
   * @param {TransportName} transport
   */
  #resume(transport) {
    // What the other way had begun to play, this one begins again, if anything of it is left.
    if ([transport, this.#transport].some((name) => name && !QUEUED.has(name))) this.activity.playing = null;
    if (transport === 'text') {
      this.#beforeText ??= new Set(this.history.entries.map(({ id }) => id));
      return;
    }
    if (!this.#beforeText) return;
    for (const { id } of this.history.entries) if (!this.#beforeText.has(id)) this.history.remove(id);
    this.#beforeText = null;
  }
}
