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
/** @typedef {import('../types.js').ResumePoint} ResumePoint */
/** @typedef {import('../types.js').SessionConfig} SessionConfig */
/** @typedef {import('../events.js').ItemCreate} ItemCreate */
/** @typedef {import('../events.js').ResponseCreate} ResponseCreate */
/** @typedef {import('../events.js').SessionUpdate} SessionUpdate */

const MODEL = 'gpt-realtime'; // a request must name one
const ANSWER_MS = 130_000; // the server gives up after 120 seconds
const MOST_MESSAGES = 1_000;
// What ends the conversation, besides the answer.
const FATAL = ['conversation_lost', 'key_invalid', 'key_missing', 'offline', 'server_unreachable'];
const MOST_TIMES = 3; // what loses the connection each time is let go
const CANCELLED = { type: 'cancelled', reason: 'client_cancelled' };

/**
 * What was said in text, in a conversation that goes on. It outlives connections: the server may not have all of it.
 *
 * @typedef {object} Said
 * @property {ResumePoint | null} point Where the conversation was gone on with.
 * @property {ChatMessage[]} messages
 * @property {ResponseCreate | null} asked What the server has not taken yet.
 * @property {number} times How often that was tried again.
 */

/** @type {WeakMap<import('../audio/loudspeaker.js').Loudspeaker, Said>} By conversation: each has a loudspeaker of its own. */
const conversations = new WeakMap();

/**
 * @param {ConnectRequest} request
 * @returns {Said}
 */
function saidIn({ resume, loudspeaker }) {
  const known = conversations.get(loudspeaker);
  const { token, lastEventId } = known?.point ?? {};
  // What was gone on with over another step has other events behind it.
  if (known && resume?.token === token && resume?.lastEventId === lastEventId) return known;
  const said = { point: resume, messages: [], asked: null, times: 0 };
  if (resume) conversations.set(loudspeaker, said);
  return said;
}

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
  #said;
  /** @type {SessionConfig} */
  #session;
  /** @type {{ answer: ChatAnswer, stopper: Stopper } | null} */
  #answering = null;
  /** @type {ResponseCreate | null} It waits for the answer before. */
  #next = null;

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
    this.#said = saidIn(request);
    const audio = { input: { turn_detection: null }, output: {} };
    const fixed = { type: 'realtime', object: 'realtime.session', id: this.#newId('sess'), model: request.model };
    this.#session = { ...fixed, output_modalities: ['text'], instructions: '', tools: [], audio };
    if (this.token) this.#tell({ type: 'antiphon.session.resumed', events: 0, complete: true });
    else this.#tell({ type: 'session.created', session: this.#session });
    this.#askAgain();
  }

  /** @param {RealtimeEvent} given */
  send(given) {
    if (this.#over) return;
    const event = /** @type {import('../events.js').ClientEvent} */ (given);
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
    // Who goes on elsewhere would wait for its end.
    if (this.#answering) this.#end(this.#answering.answer, 'cancelled', CANCELLED);
    // It may have begun over another transport, and would wait in vain.
    if (!keep && this.token !== null) {
      const headers = { [SESSION_HEADER]: this.token };
      this.#api.tell('/realtime/events', { method: 'DELETE', headers, keyed: false });
    }
  }

  // --- client events ----------------------------------------------------------------------------------------------

  /** @param {ItemCreate['item']} item */
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
    const { messages } = this.#said;
    if (messages.push(message) > MOST_MESSAGES) messages.shift();
  }

  /** @param {SessionConfig} changes */
  #update(changes) {
    const { instructions, tools } = { ...this.#session, ...changes };
    // A conversation that goes on keeps what it has.
    if (this.token === null) this.#session = { ...this.#session, instructions, tools };
    this.#tell({ type: 'session.updated', session: this.#session });
  }

  #cancel() {
    this.#next = this.#said.asked = null;
    this.#answering?.stopper.abort(new Error('cancelled'));
  }

  /** @param {ResponseCreate} event */
  #ask(event) {
    if (this.#answering !== null) this.#next = event;
    else this.#begin(event);
  }

  /** @param {ResponseCreate} event */
  #begin(event) {
    this.#said.asked = event;
    this.#said.times = 0;
    this.#answer(event);
  }

  /** The last connection was lost with a question that had been told to be asked. */
  #askAgain() {
    const said = this.#said;
    if (said.asked && ++said.times < MOST_TIMES) this.#answer(said.asked);
    else said.asked = null;
  }

  // --- answers ----------------------------------------------------------------------------------------------------

  /** @param {ResponseCreate} event */
  async #answer(event) {
    const stopper = new Stopper();
    const { metadata } = /** @type {{ metadata?: unknown }} */ (event.response ?? {});
    const answer = new ChatAnswer(
      (told) => this.#tell(told),
      (kind) => this.#newId(kind),
      metadata,
    );
    this.#answering = { answer, stopper };
    const timer = this.#browser.setTimeout(() => stopper.abort(new ProblemError('timed_out')), ANSWER_MS);
    const problem = await this.#fetch(answer, event, stopper.signal).then(() => null, asProblem);
    this.#browser.clearTimeout(timer);
    if (!this.#over) this.#finish(answer, problem, stopper.signal);
  }

  /**
   * @param {ChatAnswer} answer
   * @param {ResponseCreate} event
   * @param {AbortSignal} signal
   */
  async #fetch(answer, event, signal) {
    const session = this.token === null ? undefined : { [SESSION_HEADER]: this.token };
    const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...session };
    const body = JSON.stringify(this.#body(event.response));
    const response = await this.#api.ask('/chat/completions', { method: 'POST', headers, body, signal });
    this.#said.asked = null;
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

  /** @param {object | undefined} wanted Of the `response.create`. */
  #body(wanted) {
    const { instructions, tools } = /** @type {SessionConfig} */ ({ ...this.#session, ...wanted });
    const system = this.token === null && instructions ? [{ role: 'system', content: String(instructions) }] : [];
    const offered = chatTools(tools);
    const messages = [...system, ...latest(this.#said.messages)];
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
    // From here on nothing is taken: it would be told that it was.
    this.#over = problem !== null && !cancelled && FATAL.includes(problem.code);
    if (problem === null) this.#end(answer, 'completed', null);
    else if (cancelled) this.#end(answer, 'cancelled', CANCELLED);
    else this.#end(answer, 'failed', { type: 'failed', error: { code: problem.code, message: problem.detail } });
    if (problem !== null && this.#over) return this.#lose(problem);
    this.#said.asked = null;
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.#begin(next);
  }

  /**
   * @param {ChatAnswer} answer
   * @param {'completed' | 'cancelled' | 'failed'} status
   * @param {object | null} details
   */
  #end(answer, status, details) {
    answer.end(status, details);
    // Behind the end: half a call is none. What an answer said before it was cancelled is known, as it was read.
    if (answer.message) this.#note(answer.message);
    // In a conversation that goes on, the question is there already: only what follows the last answer is added.
    else if (this.token !== null && status !== 'failed' && !(this.#over && this.#said.asked))
      this.#note({ role: 'assistant', content: '…' });
  }

  /** @param {ProblemError} problem */
  #lose({ code, detail }) {
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
    this.#request.onEvent(event);
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
