// How a conversation is come back to after a loss: from where, when, and what keeps one from trying.
import { pause } from './clock.js';
import { PROBLEMS, ProblemError } from './problems.js';

/** @typedef {import('./clock.js').Clock} Clock */
/** @typedef {import('./types.js').Connection} Connection */
/** @typedef {import('./types.js').Problem} Problem */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').ResumePoint} Point */
/** @typedef {import('./types.js').TransportName} TransportName */

const FIRST_MS = 250;
const MOST_MS = 5000;
const GIVE_UP_MS = 300_000;
// A connection that lasted so long was one: what comes behind it is another loss, and no more of the one before.
const LASTED_MS = 10_000;
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
 * @param {TransportName} had
 * @param {boolean} isFirst
 */
export function stepsFrom(all, had, isFirst) {
  return isFirst ? all.slice(Math.max(0, all.indexOf(had))) : all;
}

/**
 * What coming back needs.
 *
 * @typedef {object} WayBack
 * @property {Clock} clock
 * @property {AbortSignal} signal Ends it; its reason is thrown.
 * @property {() => boolean} isOnline
 * @property {() => void} onAnew The next try is to begin a new session.
 */

/**
 * Tries again and again. It is one for all losses: a server that lets everybody in and then closes is not to be asked without end.
 */
export class ComingBack {
  #way;
  #tries = 0;
  /** Whether the next try is the first one, or as good. */
  #isFirst = true;
  /** When it began to try. */
  #since = 0;
  #connectedAt = 0;
  #refusals = 0;
  #hurry = () => {};

  /** @param {WayBack} way */
  constructor(way) {
    this.#way = way;
  }

  /** Something changed that may help: try at once. */
  hurry() {
    this.#begin();
    this.#hurry();
  }

  /** There is a connection. */
  connected() {
    this.#connectedAt = this.#way.clock.now();
    if (this.#tries === 0) this.#since = this.#connectedAt;
  }

  /**
   * Try until there is a connection.
   *
   * @param {Problem} lost What became of the last one.
   * @param {(isFirst: boolean) => Promise<Connection>} connect One try.
   * @returns {Promise<Connection>}
   * @throws {ProblemError} What cannot be helped, or what failed last when nothing was reached for five minutes, or nothing that lasted.
   */
  async run(lost, connect) {
    const { clock, signal } = this.#way;
    if (clock.now() - this.#connectedAt >= LASTED_MS) this.#begin();
    this.#isFirst = true;
    let problem = new ProblemError(lost.code, lost.detail);
    if (lost.code === 'request_refused' && this.#refusals++ > 0) throw problem;
    let atOnce = false;
    while (clock.now() - this.#since <= GIVE_UP_MS) {
      if (!atOnce) await this.#wait(backoff(this.#tries, clock.random()));
      if (!(await this.#isOnline())) continue;
      try {
        return await this.#try(connect);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof ProblemError)) throw error;
        problem = error;
      }
      atOnce = this.#isAnew(problem) && !atOnce;
    }
    throw problem;
  }

  /** Whether there is a network, now or after a while. */
  async #isOnline() {
    const { clock, isOnline } = this.#way;
    if (isOnline()) return true;
    await this.#wait(OFFLINE_MS);
    // There is nobody to blame while there is no network.
    this.#since = clock.now();
    return isOnline();
  }

  /** @param {(isFirst: boolean) => Promise<Connection>} connect */
  #try(connect) {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#tries += 1;
    return connect(isFirst);
  }

  /** What comes now is nothing of what was before. */
  #begin() {
    this.#tries = this.#refusals = 0;
    this.#since = this.#way.clock.now();
    this.#isFirst = true;
  }

  /**
   * Whether the next try begins anew.
   *
   * @param {ProblemError} problem Of the try before.
   */
  #isAnew(problem) {
    const todo = remedy(problem);
    if (todo === 'end') throw problem;
    if (todo === 'again') return false;
    this.#isFirst = true;
    this.#way.onAnew();
    return true;
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
    this.#seen.clear(); // another session may have the same ids
  }

  /**
   * Note a server event.
   *
   * @param {RealtimeEvent} given
   * @returns {boolean} Whether it is new.
   */
  note(given) {
    const event = /** @type {import('./events.js').ServerEvent} */ (given);
    const isReturn = event.type === 'antiphon.session.resumed';
    if (isReturn) this.#missing = event.events;
    if (event.type === 'antiphon.session.resumable') this.#token = event.token;
    // What transports tell themselves has no id.
    if (typeof event.event_id !== 'string') return true;
    if (event.type !== ASIDE) {
      this.#lastEventId = event.event_id;
      if (!isReturn) this.#missing -= 1;
    }
    if (this.#seen.has(event.event_id)) return false;
    this.#seen.add(event.event_id);
    if (this.#seen.size > MOST_REMEMBERED) this.#seen.delete(this.#seen.values().next().value ?? '');
    return true;
  }
}
