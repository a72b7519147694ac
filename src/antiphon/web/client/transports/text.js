// The last step, where no stream gets through in both directions: each question is a request of chat completions, and
// what it brings is told as a session in text would tell it. docs/chat.md.
//
// Ids that are made here begin with `text_`, and events have no `event_id`: none of them are the server's. In a
// conversation that goes on, the server has them under ids of its own, and tells them to who comes back.

import { ProblemError } from '../problems.js';
import { Stopper } from './browser.js';
import { ChatAnswer } from './chat-answer.js';
import { chatTools, latest, messageOf } from './chat-messages.js';
import { EventStreamParser } from './event-stream.js';
import { apiError } from './refusals.js';
import { Api, SESSION_HEADER } from './requests.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('./chat-messages.js').ChatMessage} ChatMessage */
/** @typedef {import('../types.js').Connection} Connection */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */

const MODEL = 'gpt-realtime'; // a request must name one
const ANSWER_MS = 130_000; // the server gives up after 120 seconds
const MOST_MESSAGES = 1_000;
// What ends the conversation, besides the answer.
const FATAL = ['conversation_lost', 'key_invalid', 'key_missing', 'offline', 'server_unreachable'];

/**
 * Fulfilled once the server has answered anything.
 *
 * @param {ConnectRequest} request
 * @param {Browser} [browser]
 * @returns {Promise<Connection>}
 */
export async function connect(request, browser = globalThis) {
  request.signal.throwIfAborted();
  if (request.server.kind === 'openai')
    throw new ProblemError('not_offered', 'a client secret opens no chat at OpenAI');
  const api = new Api(request, browser);
  await api.ask('/models', { signal: request.signal });
  request.signal.throwIfAborted();
  return new TextConnection(request, api, browser);
}

/** @implements {Connection} */
class TextConnection {
  name = /** @type {const} */ ('text');
  token;
  #request;
  #api;
  #browser;
  #over = false;
  #ids = 0;
  /** @type {ChatMessage[]} */
  #messages = [];
  /** @type {Record<string, any>} */
  #session;
  /** @type {{ answer: ChatAnswer, stopper: Stopper } | null} */
  #answering = null;
  /** @type {RealtimeEvent | null} A `response.create` that waits for the answer before. */
  #asked = null;

  /**
   * @param {ConnectRequest} request
   * @param {Api} api
   * @param {Browser} browser
   */
  constructor(request, api, browser) {
    this.#request = request;
    this.#api = api;
    this.#browser = browser;
    this.token = request.resume?.token ?? null;
    const audio = { input: { turn_detection: null }, output: {} };
    const fixed = { type: 'realtime', object: 'realtime.session', id: this.#newId('sess'), model: request.model };
    this.#session = { ...fixed, output_modalities: ['text'], instructions: '', tools: [], audio };
    if (this.token) this.#tell({ type: 'antiphon.session.resumed', events: 0, complete: true });
    else this.#tell({ type: 'session.created', session: this.#session });
  }

  /** @param {RealtimeEvent} event */
  send(event) {
    if (this.#over) return;
    if (event.type === 'conversation.item.create') this.#add(event.item);
    else if (event.type === 'response.create') this.#ask(event);
    else if (event.type === 'response.cancel') this.#cancel();
    else if (event.type === 'session.update') this.#update(event.session);
    // All else is about audio, or about items that are the server's.
  }

  /** @param {boolean} keep */
  close(keep) {
    if (this.#over) return;
    this.#over = true;
    this.#answering?.stopper.abort(new Error('the connection was closed'));
    // It may have begun over another transport, and would wait in vain.
    if (!keep && this.token !== null) {
      const headers = { [SESSION_HEADER]: this.token };
      this.#api.tell('/realtime/events', { method: 'DELETE', headers, keyed: false });
    }
  }

  // --- client events ----------------------------------------------------------------------------------------------

  /** @param {any} item */
  #add(item) {
    const message = messageOf(item);
    if (message === null) return this.#complain('a conversation in text takes items with text alone');
    this.#note(message);
    const whole = { id: this.#newId('item'), status: 'completed', ...item };
    this.#tell({ type: 'conversation.item.added', item: whole });
    this.#tell({ type: 'conversation.item.done', item: whole });
  }

  /** @param {ChatMessage} message */
  #note(message) {
    this.#messages.push(message);
    if (this.#messages.length > MOST_MESSAGES) this.#messages.shift();
  }

  /** @param {any} changes */
  #update(changes) {
    const { instructions, tools } = { ...this.#session, ...changes };
    // A conversation that goes on keeps what it has.
    if (this.token === null) this.#session = { ...this.#session, instructions, tools };
    this.#tell({ type: 'session.updated', session: this.#session });
  }

  #cancel() {
    this.#asked = null;
    this.#answering?.stopper.abort(new Error('cancelled'));
  }

  /** @param {RealtimeEvent} event */
  #ask(event) {
    if (this.#answering !== null) this.#asked = event;
    else this.#answer(event);
  }

  // --- answers ----------------------------------------------------------------------------------------------------

  /** @param {any} event A `response.create`. */
  async #answer(event) {
    const stopper = new Stopper();
    const answer = new ChatAnswer(
      (told) => this.#tell(told),
      (kind) => this.#newId(kind),
      event.response?.metadata,
    );
    this.#answering = { answer, stopper };
    const timer = this.#browser.setTimeout(() => stopper.abort(new ProblemError('timed_out')), ANSWER_MS);
    const problem = await this.#fetch(answer, event, stopper.signal).then(() => null, asProblem);
    this.#browser.clearTimeout(timer);
    if (!this.#over) this.#finish(answer, problem, stopper.signal);
  }

  /**
   * @param {ChatAnswer} answer
   * @param {any} event
   * @param {AbortSignal} signal
   */
  async #fetch(answer, event, signal) {
    const session = this.token === null ? undefined : { [SESSION_HEADER]: this.token };
    const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...session };
    const body = JSON.stringify(this.#body(event.response));
    const response = await this.#api.ask('/chat/completions', { method: 'POST', headers, body, signal });
    for await (const data of dataOf(response)) {
      signal.throwIfAborted();
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data);
      const error = apiError(chunk);
      if (error) throw new ProblemError('server_error', error.message);
      answer.add(chunk);
    }
    throw new ProblemError('connection_lost', 'the answer broke off');
  }

  /** @param {any} wanted Of the `response.create`. */
  #body(wanted) {
    const { instructions, tools } = { ...this.#session, ...wanted };
    const system = this.token === null && instructions ? [{ role: 'system', content: String(instructions) }] : [];
    const offered = chatTools(tools);
    const messages = [...system, ...latest(this.#messages)];
    // To be asked for an answer to nothing is fine with a session, not with chat.
    if (messages.length === system.length) messages.push({ role: 'user', content: '…' });
    const model = this.#request.model || MODEL;
    return { model, messages, stream: true, ...(offered.length && { tools: offered }) };
  }

  /**
   * @param {ChatAnswer} answer
   * @param {ProblemError | null} problem
   * @param {AbortSignal} signal
   */
  #finish(answer, problem, signal) {
    this.#answering = null;
    const cancelled = signal.aborted && !(signal.reason instanceof ProblemError);
    if (problem === null) answer.end('completed');
    else if (cancelled) answer.end('cancelled', { type: 'cancelled', reason: 'client_cancelled' });
    else answer.end('failed', { type: 'failed', error: { code: problem.code, message: problem.detail } });
    // Behind the end: half a call is none. What an answer said before it was cancelled is known, as it was read.
    if (answer.message) this.#note(answer.message);
    // In a conversation that goes on, the question is there already: only what follows the last answer is added.
    else if (this.token !== null && (problem === null || cancelled)) this.#note({ role: 'assistant', content: '…' });
    if (problem !== null && !cancelled && FATAL.includes(problem.code)) return this.#lose(problem);
    const [asked] = [this.#asked, (this.#asked = null)];
    if (asked !== null) this.#answer(asked);
  }

  /** @param {ProblemError} problem */
  #lose({ code, detail }) {
    if (this.#over) return;
    this.#over = true;
    const isGone = code === 'offline' || code === 'server_unreachable';
    this.#request.onLost({ code: isGone ? 'connection_lost' : code, detail });
  }

  /** @param {string} message */
  #complain(message) {
    const error = { type: 'invalid_request_error', code: 'invalid_value', message, param: 'item', event_id: null };
    this.#tell({ type: 'error', error });
  }

  /** @param {RealtimeEvent} event */
  #tell(event) {
    if (!this.#over) this.#request.onEvent(event);
  }

  /** @param {string} kind */
  #newId(kind) {
    return `text_${kind}_${++this.#ids}_${Math.random().toString(36).slice(2, 8)}`;
  }
}

/** @param {unknown} error */
function asProblem(error) {
  return error instanceof ProblemError ? error : new ProblemError('connection_lost', `${error}`);
}

/**
 * @param {Response} response A stream of server-sent events.
 * @returns {AsyncGenerator<string>}
 */
async function* dataOf(response) {
  const parser = new EventStreamParser();
  const reader = response.body?.getReader();
  if (!reader) return yield* parser.push(new TextEncoder().encode(await response.text()));
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
