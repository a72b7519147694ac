// Requests to the API: the key goes along, and every failure is a ProblemError that says what to do about it.

import { ProblemError } from '../problems.js';
import { Stopper } from './browser.js';
import { apiError, httpProblem } from './refusals.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */

export const SESSION_HEADER = 'Antiphon-Session';
const MOST_ERROR_CHARACTERS = 10_000;
const PROBE_MS = 3_000;

/**
 * @typedef {object} Asked
 * @property {string} [method] GET unless given.
 * @property {Record<string, string>} [query]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {boolean} [keyed] Whether the key goes along; it does unless this is false.
 * @property {boolean} [keepalive] For what is to arrive although the page is being left.
 * @property {AbortSignal} signal
 */

/** The API of one server, as one connection asks it. */
export class Api {
  #browser;
  #url;
  #key;
  #mayBeStranger;

  /**
   * @param {ConnectRequest} request
   * @param {Browser} browser
   */
  constructor(request, browser) {
    this.#browser = browser;
    this.#url = request.server.url;
    this.#key = request.key;
    this.#mayBeStranger = request.resume === null;
  }

  /**
   * Returns an answer that is a success; its body may still be to come.
   *
   * @param {string} path
   * @param {Asked} asked
   * @returns {Promise<Response>}
   * @throws {ProblemError} The reason of `signal` when it is aborted.
   */
  async ask(path, asked) {
    const response = await this.send(path, asked).catch((error) => this.#explain(error, path, asked));
    if (response.ok) return response;
    const what = this.#name(path, asked);
    throw httpProblem(what, response.status, await errorIn(response));
  }

  /**
   * Returns whatever is answered.
   *
   * @param {string} path
   * @param {Asked} asked
   * @returns {Promise<Response>}
   */
  send(path, { method = 'GET', query = {}, headers = {}, body, keyed = true, keepalive = false, signal }) {
    const search = new URLSearchParams(query).toString();
    const url = `${this.#url}${path}${search && `?${search}`}`;
    const said = keyed && this.#key ? { Authorization: `Bearer ${this.#key}`, ...headers } : headers;
    return this.#browser.fetch(url, { method, headers: said, body, keepalive, signal, cache: 'no-store' });
  }

  /**
   * Tells the server something that nobody waits for the answer to.
   *
   * @param {string} path
   * @param {Omit<Asked, 'signal'>} asked
   */
  tell(path, asked) {
    const signal = new AbortController().signal;
    this.send(path, { ...asked, keepalive: true, signal }).catch(() => {});
  }

  /**
   * @param {unknown} error What fetch threw: of the network it says no more than that it failed.
   * @param {string} path
   * @param {Asked} asked
   * @returns {Promise<never>}
   */
  async #explain(error, path, asked) {
    if (asked.signal.aborted) throw asked.signal.reason;
    const what = `${this.#name(path, asked)} failed (${error instanceof Error ? error.message : error})`;
    if (this.#browser.navigator.onLine === false) throw new ProblemError('offline', what, { cause: error });
    if (await this.#hidesItsAnswers(asked.signal)) {
      const why = `it answers, but not to pages of ${this.#browser.location?.origin}; see its server.allowed_origins`;
      throw new ProblemError('origin_not_allowed', `${what}: ${why}`, { cause: error });
    }
    const why = 'the server is not there, or pages of this origin may not read its answers (CORS)';
    throw new ProblemError('server_unreachable', `${what}: ${why}`, { cause: error });
  }

  /**
   * Whether the server is there, and it is the browser that keeps its answers from this page. Who has been let in once
   * knows that it is not.
   *
   * @param {AbortSignal} signal
   */
  async #hidesItsAnswers(signal) {
    const origin = this.#browser.location?.origin;
    if (!this.#mayBeStranger || !origin || new URL(this.#url).origin === origin) return false;
    const stopper = new Stopper(signal);
    const timer = this.#browser.setTimeout(() => stopper.abort(), PROBE_MS);
    try {
      await this.#browser.fetch(`${this.#url}/models`, { mode: 'no-cors', cache: 'no-store', signal: stopper.signal });
      return true;
    } catch {
      if (signal.aborted) throw signal.reason;
      return false;
    } finally {
      this.#browser.clearTimeout(timer);
      stopper.release();
    }
  }

  /**
   * @param {string} path
   * @param {Asked} asked
   */
  #name(path, { method = 'GET' }) {
    return `${method} ${this.#url}${path}`;
  }
}

/** @param {Response} response */
export async function errorIn(response) {
  try {
    return apiError(JSON.parse((await response.text()).slice(0, MOST_ERROR_CHARACTERS)));
  } catch {
    return null; // a proxy's page, or the connection broke
  }
}

/**
 * Returns what a conversation is begun or gone on with.
 *
 * @param {ConnectRequest} request
 * @returns {Record<string, string>}
 */
export function conversationQuery({ server, model, resume }) {
  if (resume !== null) {
    return { resume: resume.token, ...(resume.lastEventId && { last_event_id: resume.lastEventId }) };
  }
  return { ...(model && { model }), ...(server.kind === 'antiphon' && { antiphon_events: 'true' }) };
}
