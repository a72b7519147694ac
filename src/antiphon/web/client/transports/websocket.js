// The Realtime API over a WebSocket: docs/connect.md.

import { eventIn } from '../events.js';
import { ProblemError } from '../problems.js';
import { AudioEvents } from './audio-events.js';
import { Deferred } from './browser.js';
import { LastWords } from './refusals.js';
import { conversationQuery } from './requests.js';
import { closeProblem } from './socket-close.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('../types.js').Connection} Connection */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */

const AUDIO_MS = 40;
const MOST_UNSENT = 4_000_000; // bytes
const CHECK_MS = 2_000;
const STUCK_MS = 8_000;
// A conversation that goes on elsewhere has its old connection closed by the server; this is for when it does not.
const LEAVE_MS = 90_000;

/**
 * Fulfilled once the server has said something else than no.
 *
 * @param {ConnectRequest} request
 * @param {Browser} [browser]
 * @returns {Promise<Connection>}
 */
export async function connect(request, browser = globalThis) {
  request.signal.throwIfAborted();
  const connection = new SocketConnection(request, openSocket(request, browser), browser);
  await connection.begun;
  return connection;
}

/**
 * @param {ConnectRequest} request
 * @param {Browser} browser
 */
function openSocket(request, browser) {
  if (!browser.WebSocket) throw new ProblemError('websocket_blocked', 'the browser has no WebSocket');
  const url = `${request.server.url.replace(/^http/, 'ws')}/realtime?${new URLSearchParams(conversationQuery(request))}`;
  const key = request.key ? [`openai-insecure-api-key.${request.key}`] : [];
  try {
    return new browser.WebSocket(url, ['realtime', ...key]);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    // The browser's own words may have the key in them.
    if (name === 'SyntaxError') throw new ProblemError('key_invalid', 'the key has characters that no key has');
    throw new ProblemError('websocket_blocked', `the browser opens no WebSocket from this page (${name})`);
  }
}

/** @implements {Connection} */
class SocketConnection {
  name = /** @type {const} */ ('websocket');
  token = null;
  #request;
  #socket;
  #browser;
  #audio;
  #opened = false;
  #state = /** @type {'opening' | 'open' | 'over'} */ ('opening');
  #begun = /** @type {Deferred<void>} */ (new Deferred());
  #words = new LastWords();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #check = undefined;
  #waiting = 0; // bytes that waited at the last check
  #given = 0; // bytes given to the socket since
  #stuckSince = /** @type {number | null} */ (null);

  /**
   * @param {ConnectRequest} request
   * @param {WebSocket} socket
   * @param {Browser} browser
   */
  constructor(request, socket, browser) {
    this.#request = request;
    this.#socket = socket;
    this.#browser = browser;
    this.#audio = new AudioEvents(request, AUDIO_MS, (text) => this.#sendText(text));
    socket.onopen = () => (this.#opened = true);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    request.signal.addEventListener('abort', this.#aborted);
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
    this.#leave(keep);
  }

  // --- messages ---------------------------------------------------------------------------------------------------

  /** @param {unknown} data */
  #receive(data) {
    const event = eventIn(data);
    if (event === null) return;
    this.#words.note(event);
    // A refusal is told by an error, and a close right behind it.
    if (this.#state === 'opening' && event.type !== 'error') this.#begin();
    if (this.#state === 'open') this.#audio.receive(event);
  }

  #begin() {
    this.#state = 'open';
    this.#request.signal.removeEventListener('abort', this.#aborted);
    this.#audio.begin();
    this.#watch();
    this.#begun.resolve();
  }

  /** @param {string} text */
  #sendText(text) {
    if (this.#state !== 'open') return;
    if (this.#socket.bufferedAmount > MOST_UNSENT) {
      return this.#lose(new ProblemError('connection_lost', `${MOST_UNSENT} bytes wait to be sent`));
    }
    this.#given += text.length;
    this.#socket.send(text); // dropped when it is closing; its close event follows
  }

  // --- life and end -----------------------------------------------------------------------------------------------

  /** Pages cannot ping. But while the user's audio goes out, a connection that takes none of it is dead. */
  #watch() {
    this.#check = this.#browser.setTimeout(() => {
      this.#look(this.#socket.bufferedAmount, this.#browser.performance.now());
      if (this.#state === 'open') this.#watch();
    }, CHECK_MS);
  }

  /**
   * @param {number} waiting
   * @param {number} now
   */
  #look(waiting, now) {
    const drains = waiting === 0 || waiting < this.#waiting + this.#given;
    this.#stuckSince = drains ? null : (this.#stuckSince ?? now);
    this.#waiting = waiting;
    this.#given = 0;
    if (this.#stuckSince !== null && now - this.#stuckSince >= STUCK_MS) {
      this.#lose(new ProblemError('connection_lost', `the network took nothing for ${STUCK_MS / 1000} s`));
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    const begun = this.#state === 'open';
    const { error, moved } = this.#words;
    if (!this.#opened) return this.#lose(this.#neverOpened());
    this.#lose(closeProblem({ code, reason, begun, error, moved }), true);
  }

  #neverOpened() {
    if (this.#browser.navigator.onLine === false) return new ProblemError('offline', 'a WebSocket could not be opened');
    const why = 'the server is not there, or something on the way lets no WebSocket pass';
    return new ProblemError(
      'websocket_blocked',
      `a WebSocket to ${this.#request.server.url} could not be opened: ${why}`,
    );
  }

  #aborted = () => {
    if (this.#state !== 'opening') return;
    const { reason } = this.#request.signal;
    this.#finish(true);
    this.#leave(this.#request.resume !== null);
    this.#begun.reject(reason);
  };

  /**
   * @param {ProblemError} problem
   * @param {boolean} [closed]
   */
  #lose(problem, closed = false) {
    if (this.#state === 'over') return;
    const begun = this.#state === 'open';
    this.#finish(true);
    if (!closed) this.#leave(true);
    if (begun) this.#request.onLost(problem.problem);
    else this.#begun.reject(problem);
  }

  /** @param {boolean} keep */
  #finish(keep) {
    this.#state = 'over';
    this.#browser.clearTimeout(this.#check);
    this.#request.signal.removeEventListener('abort', this.#aborted);
    this.#audio.end(keep);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
  }

  /**
   * To the server every close that pages can make ends the conversation (1001 is the browser's own). So one that is to
   * go on is not closed here: the server does that once it goes on elsewhere.
   *
   * @param {boolean} keep
   */
  #leave(keep) {
    const socket = this.#socket;
    if (!keep || !this.#opened || this.#request.server.kind === 'openai') return socket.close(1000);
    const timer = this.#browser.setTimeout(() => socket.close(1000), LEAVE_MS);
    socket.onclose = () => this.#browser.clearTimeout(timer);
  }
}
