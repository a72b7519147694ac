// How a conversation is come back to after a loss: from where, when, and what keeps one from trying.
import { pause } from './clock.js';
import { PROBLEMS, ProblemError } from './problems.js';

/** @typedef {import('./clock.js').Clock} Clock */
/** @typedef {import('./types.js').Connection} Connection */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').ResumePoint} Point */
/** @typedef {import('./types.js').TransportName} TransportName */

const FIRST_MS = 250;
const MOST_MS = 5000;
const GIVE_UP_MS = 300_000;
// While it waits to be online again, it looks by itself: not every browser tells.
const OFFLINE_MS = 10_000;

// At the beginning these are the end; a server that was there will be there again.
const PASSING = new Set([
  'offline',
  'server_unreachable',
  'server_full',
  'server_not_ready',
  'server_shutting_down',
  'server_error',
  'token_failed',
]);
const BEGIN_ANEW = new Set(['conversation_lost', 'session_expired']);

/**
 * What is done about a problem: `again`: the same once more, later; `anew`: the conversation is gone on with in a new session; `end`.
 *
 * @param {ProblemError} problem Of a try to come back.
 * @returns {'again' | 'anew' | 'end'}
 */
export function remedy(problem) {
  if (BEGIN_ANEW.has(problem.code)) return 'anew';
  return PROBLEMS[problem.code] === 'step' || PASSING.has(problem.code) ? 'again' : 'end';
}

/**
 * Return how long to wait before a try, in ms.
 *
 * @param {number} tries Before it.
 * @param {number} chance From 0 to 1.
 */
export function backoff(tries, chance) {
  return tries === 0 ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** (tries - 1)) * (0.5 + chance / 2);
}

/**
 * Return the steps of a try: first from the one that was there downwards, then all.
 *
 * @param {readonly TransportName[]} all From the top.
 * @param {TransportName | null} had
 * @param {number} tries Before it.
 */
export function stepsFrom(all, had, tries) {
  const place = had ? all.indexOf(had) : -1;
  return tries === 0 && place > 0 ? all.slice(place) : all;
}

/**
 * What coming back needs.
 *
 * @typedef {object} WayBack
 * @property {Clock} clock
 * @property {AbortSignal} signal Ends it; its reason is thrown.
 * @property {() => boolean} isOnline
 * @property {(tries: number) => Promise<Connection>} connect One try.
 * @property {() => void} onAnew The next try is to begin a new session.
 */

/** Tries again and again. */
export class ComingBack {
  #way;
  #tries = 0;
  #hurry = () => {};

  /** @param {WayBack} way */
  constructor(way) {
    this.#way = way;
  }

  /** Something changed that may help: try at once. */
  hurry() {
    this.#tries = 0;
    this.#hurry();
  }

  /**
   * Try until there is a connection.
   *
   * @returns {Promise<Connection>}
   * @throws {ProblemError} What cannot be helped, or what failed last when nothing was reached for five minutes.
   */
  async run() {
    const { clock, signal, isOnline, connect } = this.#way;
    let since = clock.now();
    for (;;) {
      await this.#wait(backoff(this.#tries, clock.random()));
      if (!isOnline()) {
        await this.#wait(OFFLINE_MS);
        // There is nobody to blame while there is no network.
        since = clock.now();
        if (!isOnline()) continue;
      }
      try {
        return await connect(this.#tries++);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const problem = this.#checked(error);
        if (clock.now() - since > GIVE_UP_MS) throw problem;
      }
    }
  }

  /** @param {unknown} error */
  #checked(error) {
    if (!(error instanceof ProblemError)) throw error;
    const todo = remedy(error);
    if (todo === 'end') throw error;
    if (todo === 'anew') {
      this.#tries = 0;
      this.#way.onAnew();
    }
    return error;
  }

  /** @param {number} ms */
  async #wait(ms) {
    const { clock, signal } = this.#way;
    if (signal.aborted) throw signal.reason;
    if (ms === 0) return;
    const hurried = new Promise((resolve) => (this.#hurry = () => resolve(undefined)));
    const over = new AbortController();
    const stop = () => over.abort(signal.reason);
    signal.addEventListener('abort', stop);
    const paused = pause(clock, ms, over.signal);
    paused.catch(() => {});
    try {
      await Promise.race([paused, hurried]);
    } finally {
      signal.removeEventListener('abort', stop);
      over.abort();
      this.#hurry = () => {};
    }
  }
}

// A server that does not know our last event tells again all that it kept.
const MOST_REMEMBERED = 20_000;

// Its id is of one connection alone, and no place in the conversation.
const ASIDE = 'antiphon.media.missing';

/** From where a conversation is gone on with, and which of its events were had already. */
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
