// One conversation from connect to disconnect, over however many connections: what is told to the server when, and what is told to
// the page.
import { Conversation } from './conversation.js';
import { newId } from './events.js';
import { Asking, Outbox } from './outbox.js';
import { WantedConfig } from './session-config.js';
import { Tools } from './tools.js';

/** @typedef {import('./clock.js').Clock} Clock */
/** @typedef {import('./events.js').Item} Item */
/** @typedef {import('./events.js').ItemCreate} ItemCreate */
/** @typedef {import('./link.js').Link} Link */
/** @typedef {import('./link.js').LinkParts} LinkParts */
/** @typedef {import('./types.js').Problem} Problem */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').SessionConfig} SessionConfig */
/** @typedef {import('./types.js').TransportName} TransportName */

// So long a client that came back waits for what it was said to have missed.
const REPLAY_MS = 1000;
// Of a conversation that was lost, so much is told to the next session: enough to go on, and no more than it takes.
const CARRIED_MESSAGES = 100;
// A question that each session broke at is not asked in another one: answers cost money.
const MOST_CARRIED = 3;

/** @typedef {Pick<LinkParts, 'onState' | 'onEvent' | 'onProblem'>} LinkListener */

/**
 * @typedef {object} TalkParts
 * @property {boolean} cascade Whether STT comes before the model.
 * @property {readonly import('./types.js').Tool[]} tools
 * @property {SessionConfig} session
 * @property {boolean} speaks
 * @property {Clock} clock
 * @property {(listener: LinkListener) => Link} newLink
 * @property {() => void} onState The connection's, or what goes on in the conversation.
 * @property {(problem: Problem) => void} onMicrophone A transport had a problem with it.
 * @property {(direction: 'in' | 'out', event: RealtimeEvent, transport: TransportName | null) => void} onEvent
 * @property {(type: 'session' | 'history' | 'turn' | 'problem' | 'tool', detail: unknown) => void} tell
 */

export class Talk {
  #parts;
  #tools;
  #wanted;
  #link;
  #outbox = new Outbox({ send: (event) => this.#sendInTurn(event), newId });
  #asking = new Asking({
    send: (event) => this.send(event),
    mayAsk: () => this.#isCaughtUp && this.conversation.activity.mayAsk,
    isThere: (itemId) => !this.#outbox.awaits(itemId),
    newId,
  });
  conversation;
  /** A new session is there, and was told nothing yet. */
  #toGreet = false;
  /** It was come back to, and what got lost is to be said again. */
  #toRepeat = false;
  /** Both sides know where they are, so that what is said now is said once. */
  #isCaughtUp = false;
  #hadSession = false;
  /** How many sessions were asked to answer since one has. */
  #carried = 0;
  #stopWaiting = () => {};

  /** @param {TalkParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#tools = this.#newTools();
    this.#wanted = new WantedConfig(parts.session, parts.speaks, (others) => this.#tools.declared(others));
    this.conversation = new Conversation({ isOwnTool: (name) => this.#tools.has(name), cascade: parts.cascade });
    this.#link = parts.newLink({
      onState: () => this.#connectionChanged(),
      onEvent: (event, transport) => this.#receive(event, transport),
      onProblem: (problem) => this.#parts.tell('problem', problem),
    });
  }

  get link() {
    return this.#link;
  }

  /** Whether it is over. */
  get isOver() {
    return this.#link.signal.aborted;
  }

  // --- to the server --------------------------------------------------------------------------------------------

  /** @param {RealtimeEvent} event */
  send(event) {
    if (this.#link.send(event)) this.#parts.onEvent('out', event, this.#link.transport);
  }

  /**
   * Send what is sent again if it was lost: not before it is known what was.
   *
   * @param {RealtimeEvent} event
   */
  #sendInTurn(event) {
    if (this.#isCaughtUp) this.send(event);
  }

  /**
   * Put an item into the conversation, as soon as there is a connection.
   *
   * @param {ItemCreate & RealtimeEvent} event
   * @returns {string} Its id.
   */
  create(event) {
    const item = /** @type {Item} */ ({ id: newId('item_'), ...event.item });
    if (item.type === 'message' && item.role === 'user') this.#show(this.conversation.write(item, this.#now));
    this.#outbox.add(item, { eventId: event.event_id, previous: event.previous_item_id });
    return item.id;
  }

  /**
   * Say something in writing, and want an answer.
   *
   * @param {string} text
   */
  write(text) {
    this.#carried = 0;
    const item = { type: 'message', role: /** @type {const} */ ('user'), content: [{ type: 'input_text', text }] };
    this.#asking.ask(this.create({ type: 'conversation.item.create', item }));
  }

  /** Silence, at once. */
  interrupt() {
    const { responses, playing, due } = this.conversation.activity;
    if (responses.size > 0) this.send({ type: 'response.cancel' });
    if ((playing ?? due) !== null) this.send({ type: 'output_audio_buffer.clear' });
  }

  /**
   * @param {SessionConfig} change
   * @param {string} [eventId]
   */
  update(change, eventId = newId('event_')) {
    this.send(this.#wanted.change(change, eventId));
  }

  /** Let go of what runs and waits. */
  close() {
    this.#stopWaiting();
    this.#tools.close();
    this.#outbox.forget();
    this.#asking.forget();
  }

  // --- from the server ------------------------------------------------------------------------------------------

  /**
   * @param {RealtimeEvent} event
   * @param {TransportName} transport
   */
  #receive(event, transport) {
    if (event.type === 'antiphon.client.notice') return this.#notice(/** @type {Problem} */ (event.problem));
    const before = this.conversation.activity.name;
    this.#parts.onEvent('in', event, transport);
    try {
      this.#take(event, transport);
    } catch (error) {
      globalThis.reportError?.(error); // an event of another shape than the API's
    }
    if (this.conversation.activity.name !== before && this.#link.transport !== null) this.#parts.onState();
    this.#catchUp();
  }

  /**
   * @param {RealtimeEvent} event
   * @param {TransportName} transport
   */
  #take(event, transport) {
    this.#show(this.conversation.receive(event, this.#now, transport));
    if (event.type === 'session.created') this.#toGreet = true;
    if (event.type === 'antiphon.session.resumed') this.#awaitMissed();
    if (event.type === 'response.done' && /** @type {any} */ (event).response.status === 'completed') this.#carried = 0;
    if (event.type === 'session.created' || event.type === 'session.updated') {
      this.#parts.tell('session', this.conversation.session);
    }
    // Who asks goes by what the others have made of the event.
    for (const taker of [this.#wanted, this.#outbox, this.#tools, this.#asking]) taker.receive(event);
  }

  /** @param {Problem} problem */
  #notice(problem) {
    if (problem.code.startsWith('microphone')) this.#parts.onMicrophone(problem);
    else this.#parts.tell('problem', problem);
  }

  /** @param {import('./conversation.js').Change} change */
  #show({ entry, turn }) {
    if (entry) this.#parts.tell('history', entry);
    if (turn) this.#parts.tell('turn', turn);
  }

  // --- beginning and coming back --------------------------------------------------------------------------------

  #connectionChanged() {
    if (this.#link.transport === null) this.#isCaughtUp = false;
    this.#parts.onState();
    this.#catchUp();
  }

  /** Say what is to be said once there is a connection. */
  #catchUp() {
    if (this.#link.transport === null) return;
    if (this.#toGreet) this.#greet();
    else if (this.#toRepeat && this.#link.isWhole) this.#repeat();
  }

  #greet() {
    this.#toGreet = this.#toRepeat = false;
    this.#isCaughtUp = true;
    this.#wanted.complete(/** @type {import('./events.js').Session} */ (this.conversation.session));
    if (!this.#wanted.isEmpty) this.send(this.#wanted.whole(newId('event_')));
    if (this.#hadSession) return this.#carryOver();
    this.#hadSession = true;
    this.#outbox.sendAgain();
    this.#asking.askAgain();
  }

  /** Tell a new session what was said in the one that is lost. */
  #carryOver() {
    const items = this.conversation.history.carryOver(CARRIED_MESSAGES);
    this.#tools.forget();
    this.#asking.forget();
    this.#outbox.carry(items);
    const last = items.at(-1);
    // Who spoke last is still to be answered.
    if (last?.role === 'user' && ++this.#carried <= MOST_CARRIED) this.#asking.ask(last.id);
    this.#parts.tell('history', null);
  }

  #awaitMissed() {
    this.#toRepeat = true;
    this.#stopWaiting();
    this.#stopWaiting = this.#parts.clock.after(REPLAY_MS, () => {
      if (this.#toRepeat && this.#link.transport !== null) this.#repeat();
    });
  }

  #repeat() {
    this.#toRepeat = false;
    this.#isCaughtUp = true;
    this.#stopWaiting();
    if (this.#wanted.isOpen) this.send(this.#wanted.whole(newId('event_')));
    this.#outbox.sendAgain();
    this.#endSpeech();
    this.#asking.askAgain();
  }

  /** Of a user whose voice does not get through any more, the server would await the rest. */
  #endSpeech() {
    const { activity } = this.conversation;
    if (!activity.hearing || this.#link.hasVoice) return;
    this.send({ type: 'input_audio_buffer.clear' });
    activity.hearing = false;
    this.#parts.onState();
  }

  // --- tools ----------------------------------------------------------------------------------------------------

  #newTools() {
    return new Tools(this.#parts.tools, {
      add: (item) => void this.create({ type: 'conversation.item.create', item }),
      ask: (itemId) => this.#asking.ask(itemId),
      onCall: (call) => this.#noteCall(call),
      onFailure: (name, error) => this.#parts.tell('problem', { code: 'tool_failed', detail: `${name}: ${error}` }),
      newId,
    });
  }

  /** @param {import('./types.js').ToolCall} call */
  #noteCall(call) {
    this.#show({ entry: this.conversation.history.noteCall(call), turn: null });
    this.#parts.tell('tool', call);
  }

  get #now() {
    return this.#parts.clock.now();
  }
}
