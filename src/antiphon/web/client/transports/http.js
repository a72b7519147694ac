// The Realtime API over plain HTTP: docs/http.md.

import { notice } from '../events.js';
import { ProblemError } from '../problems.js';
import { AudioEvents } from './audio-events.js';
import { Deferred, Stopper } from './browser.js';
import { EVENTS_PATH, Posts, forgetPosts } from './posts.js';
import { LastWords, endProblem } from './refusals.js';
import { Api, SESSION_HEADER } from './requests.js';
import { HeldBackError, StreamEndedError, listen, poll } from './streamed-events.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('../types.js').Connection} Connection */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */

const AUDIO_MS = 120;

/**
 * Fulfilled with the first event.
 *
 * @param {ConnectRequest} request
 * @param {Browser} [browser]
 * @returns {Promise<Connection>}
 */
export async function connect(request, browser = globalThis) {
  request.signal.throwIfAborted();
  if (request.server.kind === 'openai') throw new ProblemError('not_offered', 'OpenAI has no Realtime API over HTTP');
  const connection = new HttpConnection(request, browser);
  await connection.begun;
  return connection;
}

/** @implements {Connection} */
class HttpConnection {
  name = /** @type {const} */ ('http');
  /** @type {string | null} */
  token;
  #request;
  #browser;
  #api;
  #audio;
  #stopper;
  #state = /** @type {'opening' | 'open' | 'over'} */ ('opening');
  #begun = /** @type {Deferred<void>} */ (new Deferred());
  #words = new LastWords();
  #isHeldBack = false;
  /** @type {Posts | null} */
  #posts = null;

  /**
   * @param {ConnectRequest} request
   * @param {Browser} browser
   */
  constructor(request, browser) {
    this.#request = request;
    this.#browser = browser;
    this.token = request.resume?.token ?? null;
    this.#api = new Api(request, browser);
    this.#audio = new AudioEvents(request, AUDIO_MS, (text) => this.#posts?.add(text));
    this.#stopper = new Stopper(request.signal);
    this.#run();
  }

  get begun() {
    return this.#begun.promise;
  }

  /** @param {RealtimeEvent} event */
  send(event) {
    if (this.#state === 'open') this.#audio.send(event);
  }

  /** @param {boolean} keep */
  close(keep) {
    if (this.#state === 'over') return;
    this.#finish(keep);
    if (!keep) this.#hangUp();
  }

  // --- events -----------------------------------------------------------------------------------------------------

  async #run() {
    const { signal } = this.#stopper;
    const listener = {
      onToken: (/** @type {string} */ token) => (this.token = token || this.token),
      onEvent: (/** @type {RealtimeEvent} */ event) => this.#receive(event),
    };
    try {
      await listen(this.#api, this.#browser, this.#request, listener, signal).catch((error) => {
        if (!(error instanceof HeldBackError)) throw error;
        this.#isHeldBack = true;
        const token = this.#request.resume ? '' : error.token; // which one names what it has had as well
        return poll(this.#api, this.#browser, this.#request, token, listener, signal);
      });
    } catch (error) {
      this.#end(error);
    }
  }

  /** @param {RealtimeEvent} event */
  #receive(event) {
    if (this.#state === 'over') return;
    this.#words.note(event);
    if (this.#state === 'opening') this.#begin();
    this.#audio.receive(event);
  }

  #begin() {
    this.#state = 'open';
    this.#stopper.release();
    this.#posts = new Posts(this.#api, this.#browser, this.token ?? '', {
      onRefused: ({ detail }) => this.#refused(detail),
      onLost: (problem) => this.#end(problem),
    });
    const detail = 'no event came over a stream in time';
    if (this.#isHeldBack) this.#request.onEvent(notice({ code: 'stream_held_back', detail }));
    this.#audio.begin();
    this.#begun.resolve();
  }

  /** @param {string} message */
  #refused(message) {
    const error = { type: 'invalid_request_error', code: 'request_refused', message, param: null, event_id: null };
    this.#request.onEvent({ type: 'error', error });
  }

  // --- the end ----------------------------------------------------------------------------------------------------

  /** @param {unknown} error */
  #end(error) {
    if (this.#state === 'over') return;
    const begun = this.#state === 'open';
    const { reason, aborted } = this.#request.signal;
    const problem = begun ? this.#problemOf(error) : aborted ? reason : this.#whyNot(error);
    this.#finish(true);
    if (problem.code === 'conversation_lost') forgetPosts(this.token ?? '');
    if (begun) return this.#request.onLost(problem.problem);
    // What was begun, and is not wanted, takes a place at the server.
    if (this.token !== null && this.#request.resume === null) this.#hangUp();
    this.#begun.reject(problem);
  }

  /** @param {unknown} error */
  #whyNot(error) {
    return error instanceof ProblemError ? error : new ProblemError('http_blocked', `${error}`);
  }

  /** @param {unknown} error */
  #problemOf(error) {
    const { moved, error: told } = this.#words;
    if (error instanceof ProblemError && error.code === 'conversation_lost' && !moved) return error;
    const what = error instanceof ProblemError ? error.detail : error instanceof Error ? error.message : `${error}`;
    return endProblem({ what, moved, error: told, final: error instanceof StreamEndedError && error.final });
  }

  /** @param {boolean} keep */
  #finish(keep) {
    this.#state = 'over';
    this.#stopper.abort(new Error('the connection was closed'));
    this.#posts?.stop();
    this.#audio.end(keep);
  }

  #hangUp() {
    if (this.token === null) return;
    forgetPosts(this.token);
    this.#api.tell(EVENTS_PATH, { method: 'DELETE', headers: { [SESSION_HEADER]: this.token }, keyed: false });
  }
}
