// A conversation by voice with a server of the Realtime API, for a page.
import { BROWSER_PARTS } from './browser-parts.js';
import { EventLog } from './event-log.js';
import { Link } from './link.js';
import { ProblemError } from './problems.js';
import { serverAt } from './server.js';
import { merged } from './session-config.js';
import { Talk } from './talk.js';
import { Keys } from './token.js';
import { UserVoice } from './user-voice.js';

/** @typedef {import('./audio/loudspeaker.js').Loudspeaker} Loudspeaker */
/** @typedef {import('./browser-parts.js').Parts} Parts */
/** @typedef {import('./types.js').ClientOptions} ClientOptions */
/** @typedef {import('./types.js').ClientState} ClientState */
/** @typedef {import('./types.js').MicrophoneOptions} MicrophoneOptions */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').SessionConfig} SessionConfig */
/** @typedef {import('./types.js').TransportName} TransportName */

/**
 * A conversation: its connection, what is said, and what is heard.
 *
 * Events: `state`, `microphone`, `session`; `history` (detail: the Entry that changed, null when all is another), `turn` (the Turn that changed),
 * `problem` (Problem), `recovered` (the code of a problem that is over), `event` (a server event), `sent` (a client event), `tool` (ToolCall).
 */
export class AntiphonClient extends EventTarget {
  #options;
  #parts;
  #server;
  #keys;
  #log = new EventLog();
  #voice;
  #loudspeakerId;
  /** @type {Loudspeaker | null} */
  #loudspeaker = null;
  /** @type {Talk | null} */
  #talk = null;
  /** @type {Promise<void> | null} */
  #connecting = null;
  /** @type {ClientState} */
  #state = { type: 'idle' };
  /** @type {SessionConfig} What is wanted of each session. */
  #config;

  /**
   * @param {ClientOptions} [options]
   * @param {Partial<Parts>} [parts] For tests.
   */
  constructor(options = {}, parts = {}) {
    super();
    this.#options = options;
    this.#parts = { ...BROWSER_PARTS, ...parts };
    this.#server = serverAt(options.url);
    this.#keys = new Keys(options.token);
    this.#config = options.session ?? {};
    this.#loudspeakerId = options.loudspeaker ?? '';
    this.#voice = new UserVoice({
      wanted: options.microphone ?? {},
      open: this.#parts.openMicrophone,
      onState: () => this.#tell('microphone'),
      onProblem: (problem) => this.#tell('problem', problem),
    });
  }

  // --- what pages see -------------------------------------------------------------------------------------------

  get state() {
    return this.#state;
  }

  get microphone() {
    return this.#voice.state;
  }

  get history() {
    return this.#talk?.conversation.history.entries ?? [];
  }

  get turns() {
    return this.#talk?.conversation.timeline.turns ?? [];
  }

  /** The configuration as the server last told it. */
  get session() {
    return this.#talk?.conversation.session ?? null;
  }

  /** The latest events, both ways, from the oldest on; audio is left out of them. */
  get log() {
    return this.#log.entries;
  }

  /** How loud it is now, 0..1 each; ask in requestAnimationFrame. */
  levels() {
    return { input: this.#voice.level(), output: this.#loudspeaker?.level() ?? 0 };
  }

  // --- beginning and ending -------------------------------------------------------------------------------------

  /**
   * Begin a conversation; call it in a click, so that the browser lets sound through.
   *
   * Where there is one, or one begins, it is that one's promise.
   *
   * @returns {Promise<void>} Fulfilled when it is connected.
   * @throws {ProblemError} When it cannot be; a DOMException `AbortError` when `disconnect` came first.
   */
  connect() {
    if (this.#connecting && !this.#talk?.isOver) return this.#connecting;
    this.#loudspeaker = this.#newLoudspeaker();
    const talk = (this.#talk = this.#newTalk(this.#loudspeaker));
    this.#tell('history', null);
    this.#connecting = talk.link.open(this.#voice.begin(talk.link.signal));
    return this.#connecting;
  }

  /** End the conversation. */
  disconnect() {
    this.#talk?.link.close();
  }

  // --- talking --------------------------------------------------------------------------------------------------

  /**
   * Say something in writing, and ask for an answer. What is being said is interrupted. While there is no connection it waits for one.
   *
   * @param {string} text
   */
  sendText(text) {
    const talk = this.#talk;
    if (!talk || talk.isOver) throw new Error('There is no conversation: connect first.');
    talk.interrupt();
    talk.write(text);
  }

  /** Silence, at once: the running answer is broken off. */
  interrupt() {
    this.#talk?.interrupt();
  }

  /**
   * Send a client event. Items and `session.update` are kept for when there is a connection again, all else is dropped without one.
   *
   * @param {RealtimeEvent} event
   */
  send(event) {
    const talk = this.#talk;
    const given = /** @type {any} */ (event);
    if (event.type === 'session.update') this.#update(given.session, given.event_id);
    else if (event.type === 'conversation.item.create') talk?.create(given);
    else talk?.send(event);
  }

  /**
   * Change the session's configuration, also of sessions to come.
   *
   * @param {SessionConfig} config The changes alone.
   */
  updateSession(config) {
    this.#update(config, undefined);
  }

  // --- devices --------------------------------------------------------------------------------------------------

  /** Whether the user is not heard for now; the microphone stays open. */
  get muted() {
    return this.#voice.muted;
  }

  set muted(muted) {
    this.#voice.muted = muted;
  }

  /**
   * Take another microphone: a device's id, options, a stream of the page, or false for none.
   *
   * @param {string | MicrophoneOptions | MediaStream | false} wanted
   * @throws {ProblemError} Then what was there goes on.
   */
  async setMicrophone(wanted) {
    const link = this.#talk?.link;
    const signal = link?.signal.aborted === false ? link.signal : null;
    if (await this.#voice.change(wanted, signal)) link?.renew('the microphone came or went');
  }

  /**
   * Play over another device; '' for the default one.
   *
   * @param {string} deviceId
   * @throws {ProblemError} `loudspeaker_failed`
   */
  async setLoudspeaker(deviceId) {
    await this.#loudspeaker?.use(deviceId);
    this.#loudspeakerId = deviceId;
  }

  // --- inside ---------------------------------------------------------------------------------------------------

  /** In the click, before anything is awaited. */
  #newLoudspeaker() {
    const loudspeaker = this.#parts.newLoudspeaker();
    const tell = (/** @type {unknown} */ error) => {
      const problem = { code: /** @type {const} */ ('loudspeaker_failed'), detail: String(error) };
      this.#tell('problem', error instanceof ProblemError ? error.problem : problem);
    };
    loudspeaker.addEventListener('problem', (event) => {
      this.#tell('problem', /** @type {CustomEvent} */ (event).detail);
    });
    loudspeaker.addEventListener('recovered', () => this.#tell('recovered', 'playback_blocked'));
    if (this.#options.speaks !== false) loudspeaker.unlock().catch(tell);
    if (this.#loudspeakerId) loudspeaker.use(this.#loudspeakerId).catch(tell);
    return loudspeaker;
  }

  /** @param {Loudspeaker} loudspeaker */
  #newTalk(loudspeaker) {
    const { model, transports, seconds, tools = [], speaks = true } = this.#options;
    const { connect, loadSteps, clock, around } = this.#parts;
    const way = {
      server: this.#server,
      keys: this.#keys,
      model,
      transports,
      seconds,
      connect,
      loadSteps,
      clock,
      around,
    };
    const equipment = () => ({ microphone: this.#voice.microphone, loudspeaker, speaks });
    return new Talk({
      cascade: this.#server.kind === 'antiphon',
      tools,
      session: this.#config,
      speaks,
      clock,
      newLink: (listener) => new Link({ ...way, equipment, ...listener }),
      onState: () => this.#showState(),
      onMicrophone: (problem) => this.#voice.note(problem),
      onEvent: (direction, event, transport) => this.#note(direction, event, transport),
      tell: (type, detail) => this.#tell(type, detail),
    });
  }

  #showState() {
    const { link, conversation } = /** @type {Talk} */ (this.#talk);
    const before = this.#state;
    const state = link.state;
    this.#state = state.type === 'connected' ? { ...state, activity: conversation.activity.name } : state;
    if (state.type === 'closed' && before.type !== 'closed') this.#letGo();
    this.#tell('state');
  }

  #letGo() {
    this.#talk?.close();
    this.#voice.close();
    this.#loudspeaker?.close();
    this.#loudspeaker = null;
  }

  /**
   * @param {SessionConfig} change
   * @param {string | undefined} eventId
   */
  #update(change, eventId) {
    this.#config = merged(this.#config, change);
    this.#talk?.update(change, eventId);
  }

  /**
   * @param {'in' | 'out'} direction
   * @param {RealtimeEvent} event
   * @param {TransportName | null} transport
   */
  #note(direction, event, transport) {
    this.#log.add({ at: this.#parts.clock.now(), direction, event, transport });
    this.#tell(direction === 'in' ? 'event' : 'sent', event);
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
