// Events from a server over plain HTTP: as a stream of server-sent events, or by asking again and again.

import { eventIn } from '../events.js';
import { ProblemError } from '../problems.js';
import { Stopper, pause } from './browser.js';
import { EventStreamParser } from './event-stream.js';
import { EVENTS_PATH } from './posts.js';
import { SESSION_HEADER, conversationQuery } from './requests.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('./requests.js').Api} Api */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */

const HEADERS_MS = 4_000; // a session may take a while to begin
const FIRST_EVENT_MS = 2_000; // once there are headers the events are there as well
const SILENT_MS = 40_000; // a comment comes every 15 seconds
const WAIT_SECONDS = 20;
const POLL_MS = 1_000 * WAIT_SECONDS + 9_000; // the server itself gives up after 30 seconds without a poll
const FINAL_RETRY_MS = 3_600_000; // what the server says to who need not come back
const PAUSES_MS = [500, 1_000, 2_000, 4_000];
const NOTHING_YET = 'none'; // an id that the server does not know, so everything follows

/**
 * @typedef {object} Listener
 * @property {(token: string) => void} onToken Before the first event.
 * @property {(event: RealtimeEvent) => void} onEvent
 */

/** Thrown while nothing has come: the stream is opened, and something holds it back. */
export class HeldBackError extends Error {
  /** @param {string} token Of the conversation, '' when not even that has come. */
  constructor(token) {
    super('nothing came over the stream');
    this.token = token;
  }
}

/** Thrown when a stream has ended. */
export class StreamEndedError extends Error {
  /**
   * @param {string} message
   * @param {boolean} final Whether the server says that there is nothing to come back for.
   */
  constructor(message, final) {
    super(message);
    this.final = final;
  }
}

/**
 * Reads a stream to its end.
 *
 * @param {Api} api
 * @param {Browser} browser
 * @param {ConnectRequest} request
 * @param {Listener} listener
 * @param {AbortSignal} signal
 * @returns {Promise<never>}
 */
export async function listen(api, browser, request, { onToken, onEvent }, signal) {
  const watch = new Watch(browser, signal);
  try {
    watch.expect(HEADERS_MS, () => new HeldBackError(''));
    const headers = { Accept: 'text/event-stream' };
    const response = await api.ask(EVENTS_PATH, { query: conversationQuery(request), headers, signal: watch.signal });
    const token = response.headers.get(SESSION_HEADER) ?? '';
    onToken(token);
    watch.expect(FIRST_EVENT_MS, () => new HeldBackError(token));
    return await read(response, new EventStreamParser(), watch, onEvent);
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.end();
  }
}

/**
 * @param {Response} response
 * @param {EventStreamParser} parser
 * @param {Watch} watch
 * @param {(event: RealtimeEvent) => void} onEvent
 * @returns {Promise<never>}
 */
async function read(response, parser, watch, onEvent) {
  if (!response.body) throw new HeldBackError(response.headers.get(SESSION_HEADER) ?? ''); // browsers without streams
  const reader = response.body.getReader();
  let begun = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    for (const data of parser.push(value)) {
      begun = true;
      watch.signal.throwIfAborted();
      const event = eventIn(data);
      if (event !== null) onEvent(event);
    }
    if (begun) watch.expect(SILENT_MS, () => new StreamEndedError(`nothing came for ${SILENT_MS / 1000} s`, false));
  }
  throw new StreamEndedError('the stream has ended', (parser.retry ?? 0) >= FINAL_RETRY_MS);
}

/**
 * Asks for events again and again.
 *
 * @param {Api} api
 * @param {Browser} browser
 * @param {ConnectRequest} request
 * @param {string} token Of the conversation to go on with although `request` begins one; '' for none.
 * @param {Listener} listener
 * @param {AbortSignal} signal
 * @returns {Promise<never>}
 */
export async function poll(api, browser, request, token, { onToken, onEvent }, signal) {
  let query = token ? { resume: token, last_event_id: NOTHING_YET } : conversationQuery(request);
  for (let begun = false; ; begun = true) {
    const answer = await answered(api, browser, query, begun, signal);
    signal.throwIfAborted();
    if (!begun) onToken(String(answer.session));
    query = { resume: String(answer.session), ...(answer.last_event_id && { last_event_id: answer.last_event_id }) };
    // Who had nothing of the conversation does not come back to it.
    const events = token && !begun ? withoutReturn(answer.events) : answer.events;
    for (const event of events) {
      onEvent(event);
      signal.throwIfAborted();
    }
  }
}

/** @param {RealtimeEvent[]} events */
function withoutReturn(events) {
  return events.filter(({ type }) => type !== 'antiphon.session.resumed');
}

/**
 * Returns what one poll brings; what is lost on its way is asked for again.
 *
 * @param {Api} api
 * @param {Browser} browser
 * @param {Record<string, string>} query
 * @param {boolean} begun
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
async function answered(api, browser, query, begun, signal) {
  for (let failures = 0; ; failures++) {
    const watch = new Watch(browser, signal);
    watch.expect(POLL_MS, () => new ProblemError('connection_lost', 'a poll was not answered'));
    try {
      const asked = { query: { ...query, wait: String(WAIT_SECONDS) }, headers: { Accept: 'application/json' } };
      const answer = await (await api.ask(EVENTS_PATH, { ...asked, signal: watch.signal })).json();
      if (!Array.isArray(answer?.events)) throw new TypeError('the answer to a poll has no events');
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      const ms = begun && mayPass(error) ? PAUSES_MS[failures] : undefined;
      if (ms === undefined) throw error;
      await pause(browser, ms, signal);
    } finally {
      watch.end();
    }
  }
}

/** @param {unknown} error */
function mayPass(error) {
  const passing = [
    'server_unreachable',
    'offline',
    'connection_lost',
    'server_error',
    'server_full',
    'request_refused',
  ];
  return !(error instanceof ProblemError) || passing.includes(error.code);
}

/** Aborts a request when what is expected of it does not come in time, or when `signal` says so. */
class Watch {
  #browser;
  #stopper;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;

  /**
   * @param {Browser} browser
   * @param {AbortSignal} signal
   */
  constructor(browser, signal) {
    this.#browser = browser;
    this.#stopper = new Stopper(signal);
  }

  get signal() {
    return this.#stopper.signal;
  }

  /**
   * @param {number} milliseconds From now; what was expected before has come.
   * @param {() => Error} failure
   */
  expect(milliseconds, failure) {
    this.#browser.clearTimeout(this.#timer);
    this.#timer = this.#browser.setTimeout(() => this.#stopper.abort(failure()), milliseconds);
  }

  /** The request is over: nothing of it may stay open. */
  end() {
    this.#browser.clearTimeout(this.#timer);
    this.#stopper.abort(new Error('over'));
  }
}
