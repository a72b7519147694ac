// <antiphon-voice>: a voice conversation to put into a page.
import { ProblemError } from '../client/problems.js';
import { languageOf, loadTexts } from '../texts/index.js';
import { isNotice, isPassing, lookOf } from './look.js';
import { clientOptions, giveBack, languageAround, modeOf, takeNumber } from './options.js';
import { Panel } from './panel.js';
import { sheet } from './styles.js';

/** @typedef {import('../client/client.js').AntiphonClient} AntiphonClient */
/** @typedef {import('../client/types.js').ClientOptions} ClientOptions */
/** @typedef {import('../client/types.js').ClientState} ClientState */
/** @typedef {import('../client/types.js').Entry} Entry */
/** @typedef {import('../client/types.js').MicrophoneState} MicrophoneState */
/** @typedef {import('../client/types.js').Problem} Problem */
/** @typedef {import('../client/types.js').SessionConfig} SessionConfig */
/** @typedef {import('../client/types.js').Tool} Tool */
/** @typedef {import('../texts/index.js').Language} Language */
/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {(options: ClientOptions) => AntiphonClient} ClientFactory */

/** @type {ClientState} */
const IDLE = { type: 'idle' };
/** @type {MicrophoneState} */
const NO_MICROPHONE = { type: 'off', problem: null, label: '', deviceId: '', muted: false };

// Frameworks load this module on servers too, where there are no elements.
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

/**
 * Its attributes are read when a conversation begins; `lang`, `theme`, `captions` and `label` apply at once. Without `token-url` and `token` it
 * connects without a key, as a server on this machine allows.
 *
 * Events, which bubble and cross shadow roots: `antiphon-state` (detail: ClientState), `antiphon-entry` (Entry, whenever it changes),
 * `antiphon-problem` (Problem), `antiphon-tool` (ToolCall).
 */
export class AntiphonVoice extends Base {
  static observedAttributes = ['lang', 'mode', 'captions', 'label'];

  /** @type {ClientOptions['token']} A client secret, or what returns one; goes before `token-url`. */
  token = setEarly(this, 'token');
  /** @type {readonly Tool[] | undefined} What the model may call in this page; read when a conversation begins. */
  tools = setEarly(this, 'tools');
  /** @type {ClientFactory | null} Makes the client, instead of the one in antiphon.js. */
  clientFactory = setEarly(this, 'clientFactory') ?? null;

  /** @type {SessionConfig | undefined} */
  #session = setEarly(this, 'session');
  /** @type {AntiphonClient | null} */
  #client = null;
  /** @type {AbortController | null} Ends the listening to the client. */
  #listening = null;
  /** @type {ClientFactory | null} */
  #loaded = null;
  /** @type {{ language: Language, texts: Texts } | null} */
  #words = null;
  /** @type {Problem | null} */
  #notice = null;
  /** @type {Set<string>} */
  #dismissed = new Set();
  #chosen = { microphone: '', loudspeaker: '' };
  /** @type {Problem | null} Why there is no client. */
  #failure = null;
  #loading = false;
  /** Its place among the elements of the page, from 1. */
  #number = 0;
  #panel = globalThis.document ? this.#makePanel() : null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheet()];
    if (this.#panel) root.append(this.#panel.element);
  }

  /** The client of the conversation that is, or was last; null before the first. */
  get client() {
    return this.#client;
  }

  /** What is sent as `session.update`; goes to a running conversation at once. */
  get session() {
    return this.#session;
  }

  set session(config) {
    this.#session = config;
    if (config && this.#state.type === 'connected') this.#client?.updateSession(config);
  }

  connectedCallback() {
    this.#number ||= takeNumber();
    void this.#loadWords();
    const idle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ then) => setTimeout(then, 200));
    // The element shows first. A click must find the client there: Safari lets sound begin in the click itself alone.
    if (!this.clientFactory) idle(() => void this.#load().catch(() => {}));
  }

  disconnectedCallback() {
    // An element that is moved is taken out first, and put in again at once.
    queueMicrotask(() => this.isConnected || this.#leave());
  }

  #leave() {
    this.stop();
    this.#panel?.closeMenu();
    giveBack(this.#number);
    this.#number = 0;
  }

  /** @param {string} attribute */
  attributeChangedCallback(attribute) {
    if (attribute === 'lang' && this.isConnected) void this.#loadWords();
    this.#draw();
  }

  /**
   * Begin a conversation; call it in a click. What goes wrong is shown, and told by `antiphon-problem`.
   *
   * @returns {Promise<boolean>} Whether there is one.
   */
  async start() {
    if (this.#isRunning) return true;
    this.#failure = null;
    try {
      const factory = this.clientFactory ?? this.#loaded ?? (await this.#loadShown());
      return factory !== null && (await this.#begin(factory));
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** End the conversation. What was said stays until the next one. */
  stop() {
    if (this.#loading) this.#loading = false;
    else if (this.#isRunning) this.#client?.disconnect();
    this.#draw();
  }

  /** @returns {ClientState} */
  get #state() {
    if (this.#loading) return { type: 'connecting', transport: null, attempts: [] };
    if (this.#failure) return { type: 'closed', problem: this.#failure, attempts: [] };
    return this.#client?.state ?? IDLE;
  }

  get #isRunning() {
    return this.#state.type !== 'idle' && this.#state.type !== 'closed';
  }

  /** @returns {Promise<ClientFactory>} */
  async #load() {
    const { AntiphonClient } = await import('../antiphon.js');
    this.#loaded = (options) => new AntiphonClient(options);
    return this.#loaded;
  }

  /**
   * Load the client for somebody who waits for it.
   *
   * @returns {Promise<ClientFactory | null>} Null when it is not wanted any more.
   */
  async #loadShown() {
    this.#loading = true;
    this.#draw();
    try {
      const factory = await this.#load();
      return this.#loading ? factory : null;
    } finally {
      this.#loading = false;
    }
  }

  /**
   * @param {ClientFactory} factory
   * @returns {Promise<boolean>}
   */
  async #begin(factory) {
    const client = this.#renew(factory);
    try {
      await client.connect();
      return true;
    } catch (error) {
      // Its state says why.
      if (client.state.type !== 'closed') throw error;
      return false;
    }
  }

  /** @param {ClientFactory} factory */
  #renew(factory) {
    const given = { token: this.token, tools: this.tools, session: this.#session, ...this.#chosen };
    const client = factory(clientOptions((name) => this.getAttribute(name), given, this.baseURI));
    this.#notice = null;
    this.#dismissed.clear();
    this.#client = client;
    this.#listen(client);
    this.#panel?.showHistory(client.history, null);
    return client;
  }

  /** @param {AntiphonClient} client */
  #listen(client) {
    this.#listening?.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    /** @param {string} type @param {(detail: any) => void} then */
    const on = (type, then) => {
      client.addEventListener(type, (event) => then(/** @type {CustomEvent} */ (event).detail), { signal });
    };
    on('state', () => this.#stateChanged(client.state));
    on('microphone', () => this.#draw());
    on('history', (entry) => this.#entryChanged(client, entry));
    on('problem', (problem) => this.#problemTold(problem));
    on('recovered', (code) => this.#dismiss({ code, detail: '' }));
    on('tool', (call) => this.#tell('tool', call));
  }

  /** @param {ClientState} state */
  #stateChanged(state) {
    if (state.type === 'connected' && state.activity === 'hearing') this.#forgetNotice();
    this.#draw();
    this.#tell('state', state);
  }

  /**
   * @param {AntiphonClient} client
   * @param {Entry | null} entry Null when the whole history is another one.
   */
  #entryChanged(client, entry) {
    this.#panel?.showHistory(client.history, entry);
    this.#draw();
    if (entry) this.#tell('entry', entry);
  }

  /** @param {Problem} problem */
  #problemTold(problem) {
    if (isNotice(problem)) this.#notice = problem;
    this.#dismissed.delete(problem.code);
    this.#draw();
    this.#tell('problem', problem);
  }

  /** @param {unknown} error */
  #fail(error) {
    const problem = error instanceof ProblemError ? error.problem : unexpected(error);
    if (!(error instanceof ProblemError)) globalThis.reportError(error);
    this.#failure = problem;
    this.#draw();
    this.#tell('problem', problem);
  }

  /**
   * @param {'state' | 'entry' | 'problem' | 'tool'} name
   * @param {unknown} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`antiphon-${name}`, { detail, bubbles: true, composed: true }));
  }

  async #loadWords() {
    const language = languageOf(languageAround(this));
    if (language === this.#words?.language) return;
    const texts = await loadTexts(language).catch(() => loadTexts('en'));
    // It may have been changed again meanwhile.
    if (language !== languageOf(languageAround(this))) return;
    this.#words = { language, texts };
    this.#draw();
  }

  #draw() {
    if (!this.#words) return;
    const client = this.#client;
    const microphone = client?.microphone ?? NO_MICROPHONE;
    const look = lookOf({
      state: this.#state,
      microphone,
      mode: modeOf((name) => this.getAttribute(name)),
      captions: this.getAttribute('captions') !== 'off',
      spoken: (client?.history.length ?? 0) > 0,
      notice: this.#notice,
      dismissed: this.#dismissed,
    });
    const chosen = { ...this.#chosen, microphone: this.#chosen.microphone || microphone.deviceId };
    const label = this.#label(this.#words.texts);
    this.#panel?.update({ look, label, ...this.#words, chosen, levels: client && (() => client.levels()) });
  }

  /**
   * What tells it from others on the page.
   *
   * @param {Texts} texts
   */
  #label({ region }) {
    return this.getAttribute('label') || (this.#number > 1 ? `${region} ${this.#number}` : region);
  }

  #makePanel() {
    return new Panel({
      main: (action) => void (action === 'start' || action === 'again' ? this.start() : this.stop()),
      mute: () => this.#mute(),
      interrupt: () => this.#client?.interrupt(),
      send: (text) => void this.#send(text),
      retry: (what) => this.#retry(what),
      dismiss: ({ problem }) => this.#dismiss(problem),
      microphone: (deviceId) => this.#chooseMicrophone(deviceId),
      loudspeaker: (deviceId) => this.#chooseLoudspeaker(deviceId),
    });
  }

  #mute() {
    if (!this.#client) return;
    this.#client.muted = !this.#client.muted;
    this.#draw();
  }

  /** @param {string} text */
  async #send(text) {
    this.#forgetNotice();
    if (await this.start()) this.#client?.sendText(text);
  }

  /** Whoever goes on has seen it. */
  #forgetNotice() {
    if (this.#notice && isPassing(this.#notice)) this.#notice = null;
  }

  /** @param {Problem} problem */
  #dismiss(problem) {
    if (this.#notice?.code === problem.code) this.#notice = null;
    else this.#dismissed.add(problem.code);
    this.#draw();
  }

  /** @param {'microphone' | 'sound'} what */
  #retry(what) {
    if (what === 'microphone') return this.#chooseMicrophone(this.#chosen.microphone);
    // The press itself is what the browser wanted.
    this.#notice = null;
    this.#chooseLoudspeaker(this.#chosen.loudspeaker);
    this.#draw();
  }

  /** @param {string} deviceId */
  #chooseMicrophone(deviceId) {
    this.#chosen.microphone = deviceId;
    if (this.#isRunning) void this.#changing('microphone', this.#client?.setMicrophone(deviceId || {}));
  }

  /** @param {string} deviceId */
  #chooseLoudspeaker(deviceId) {
    this.#chosen.loudspeaker = deviceId;
    if (this.#isRunning) void this.#changing('loudspeaker', this.#client?.setLoudspeaker(deviceId));
  }

  /**
   * @param {'microphone' | 'loudspeaker'} which
   * @param {Promise<void> | undefined} change When it is refused, what was there goes on.
   */
  async #changing(which, change) {
    try {
      await change;
      if (this.#notice?.code.startsWith(which)) this.#notice = null;
    } catch (error) {
      // The conversation was ended before the browser's question was answered.
      if (/** @type {Error} */ (error).name === 'AbortError') return;
      if (!(error instanceof ProblemError)) throw error;
      this.#chosen[which] = '';
      // A microphone that is gone says so itself.
      if (which === 'loudspeaker' || this.#client?.microphone.type === 'on') this.#notice = error.problem;
    }
    this.#draw();
  }
}

/**
 * @param {unknown} error Such as a file of the client that did not load.
 * @returns {Problem}
 */
function unexpected(error) {
  return { code: 'server_unreachable', detail: error instanceof Error ? error.message : String(error) };
}

/**
 * Pages may set properties before this module is there; an own property would hide the accessor of that name for good.
 *
 * @param {HTMLElement} element
 * @param {string} name
 * @returns {any} What the page has set; undefined if nothing.
 */
function setEarly(element, name) {
  if (!Object.hasOwn(element, name)) return undefined;
  const value = Reflect.get(element, name);
  Reflect.deleteProperty(element, name);
  return value;
}
