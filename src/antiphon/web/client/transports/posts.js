// Client events as POSTs: one at a time, in their order, each taken exactly once.

import { ProblemError } from '../problems.js';
import { Stopper, pause } from './browser.js';
import { SESSION_HEADER, errorIn } from './requests.js';
import { httpProblem } from './refusals.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('./requests.js').Api} Api */

export const EVENTS_PATH = '/realtime/events';
// Proxies let a megabyte pass, as a rule.
const MOST_BODY = 900_000; // characters
const MOST_EVENTS = 1_000;
const MOST_UNSENT = 4_000_000; // characters
const ATTEMPT_MS = 15_000; // the server itself answers within ten
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000];
const BUSY_MS = 1_000;
const LONGEST_BUSY_MS = 10_000;
const MOST_NUMBERINGS = 8;

/**
 * How far the POSTs of a conversation have come. It outlives connections: to the server a number that it has seen is a
 * POST that is repeated.
 *
 * @typedef {{ seq: number, body: string | null }} Numbering
 */

/** @type {Map<string, Numbering>} By token. */
const numberings = new Map();

/** @param {string} token */
function numberingOf(token) {
  const numbering = numberings.get(token) ?? { seq: 0, body: null };
  numberings.delete(token);
  numberings.set(token, numbering);
  const [oldest] = numberings.keys();
  if (numberings.size > MOST_NUMBERINGS && oldest !== undefined) numberings.delete(oldest);
  return numbering;
}

/** @param {string} token Of a conversation that is over. */
export function forgetPosts(token) {
  numberings.delete(token);
}

/** What goes out over one connection. */
export class Posts {
  #api;
  #browser;
  #token;
  #numbering;
  #stopper = new Stopper();
  /** @type {string[]} */
  #queue = [];
  #size = 0;
  #isSending = false;
  #onRefused;
  #onLost;

  /**
   * @param {Api} api
   * @param {Browser} browser
   * @param {string} token
   * @param {object} listeners
   * @param {(problem: ProblemError) => void} listeners.onRefused Some events were not taken, and are dropped.
   * @param {(problem: ProblemError) => void} listeners.onLost Nothing gets through any more.
   */
  constructor(api, browser, token, { onRefused, onLost }) {
    this.#api = api;
    this.#browser = browser;
    this.#token = token;
    this.#numbering = numberingOf(token);
    this.#onRefused = onRefused;
    this.#onLost = onLost;
    // One that got no answer over the last connection: taken or not, it is repeated first.
    if (this.#numbering.body !== null) this.#send();
  }

  /** @param {string} text One event as JSON. */
  add(text) {
    if (this.#stopper.signal.aborted) return;
    this.#queue.push(text);
    this.#size += text.length;
    if (this.#size > MOST_UNSENT)
      this.#lose(new ProblemError('connection_lost', `${MOST_UNSENT} bytes wait to be sent`));
    else if (!this.#isSending) this.#send();
  }

  /** No more is sent. Safe to call twice. */
  stop() {
    this.#stopper.abort();
    this.#queue.length = this.#size = 0;
  }

  async #send() {
    this.#isSending = true;
    try {
      while (!this.#stopper.signal.aborted) {
        this.#numbering.body ??= this.#nextBody();
        if (this.#numbering.body === null) break;
        await this.#post(this.#numbering.body);
      }
    } catch (error) {
      this.#lose(error instanceof ProblemError ? error : new ProblemError('connection_lost', `${error}`));
    } finally {
      this.#isSending = false;
    }
  }

  /** Returns what waits as one array, as far as it fits; null when nothing does. */
  #nextBody() {
    let [count, size] = [0, 0];
    for (const text of this.#queue) {
      size += text.length + 1;
      if (count === MOST_EVENTS || (count > 0 && size > MOST_BODY)) break;
      count++;
    }
    const texts = this.#queue.splice(0, count);
    for (const text of texts) this.#size -= text.length;
    return count ? `[${texts.join(',')}]` : null;
  }

  /**
   * Sends one body until the server has it, or says that it does not want it.
   *
   * @param {string} body
   */
  async #post(body) {
    for (let failures = 0; !this.#stopper.signal.aborted;) {
      const response = await this.#attempt(body).catch(() => null);
      if (this.#stopper.signal.aborted) return;
      if (response?.ok) return this.#took();
      const isBusy = response?.status === 429 || response?.status === 503;
      if (response && !isBusy && !isOfProxy(response.status)) return this.#refused(response);
      if (failures >= PAUSES_MS.length) throw givenUp(response);
      const usual = PAUSES_MS[failures++] ?? 0;
      const ms = response && isBusy ? retryAfter(response, BUSY_MS, LONGEST_BUSY_MS) : usual;
      await pause(this.#browser, ms, this.#stopper.signal);
    }
  }

  /** @param {string} body */
  async #attempt(body) {
    const stopper = new Stopper(this.#stopper.signal);
    const timer = this.#browser.setTimeout(() => stopper.abort(), ATTEMPT_MS);
    const headers = { 'Content-Type': 'application/json', [SESSION_HEADER]: this.#token };
    const query = { seq: String(this.#numbering.seq) };
    try {
      const asked = { method: 'POST', query, headers, body, keyed: false, signal: stopper.signal };
      return await this.#api.send(EVENTS_PATH, asked);
    } finally {
      this.#browser.clearTimeout(timer);
      stopper.release();
    }
  }

  #took() {
    this.#numbering.seq++;
    this.#numbering.body = null;
  }

  /** @param {Response} response */
  async #refused(response) {
    const error = await errorIn(response);
    if (this.#stopper.signal.aborted) return;
    if (error?.code === 'session_not_found') throw httpProblem('POST of events', response.status, error);
    // A server that has forgotten the numbers while the conversation was elsewhere says which one it wants.
    const wanted = error?.code === 'missing_post' ? /seq=(\d+)/.exec(error.message)?.[1] : undefined;
    if (wanted !== undefined && Number(wanted) !== this.#numbering.seq) {
      this.#numbering.seq = Number(wanted);
      return;
    }
    this.#numbering.body = null; // and its number is the next one's
    this.#onRefused(httpProblem('POST of events', response.status, error));
  }

  /** @param {ProblemError} problem */
  #lose(problem) {
    if (this.#stopper.signal.aborted) return;
    this.stop();
    this.#onLost(problem);
  }
}

/** @param {number} status */
function isOfProxy(status) {
  return status === 408 || status === 502 || status === 504;
}

/** @param {Response | null} response */
function givenUp(response) {
  const seen = response ? `was answered ${response.status}` : 'got no answer';
  return new ProblemError('connection_lost', `a POST of events ${seen}, ${PAUSES_MS.length + 1} times`);
}

/**
 * Returns how long a server asks to be left alone, in ms.
 *
 * @param {Response} response
 * @param {number} usual
 * @param {number} most
 */
function retryAfter(response, usual, most) {
  const seconds = Number(response.headers.get('Retry-After') ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, most) : usual;
}
