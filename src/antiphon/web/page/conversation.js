// The conversation that the page shows. A client is made for each; what listens here goes on listening.

import { ProblemError } from '../client/problems.js';

/** @typedef {import('../client/types.js').ClientOptions} ClientOptions */
/** @typedef {import('../client/types.js').ClientState} ClientState */
/** @typedef {import('../client/types.js').Entry} Entry */
/** @typedef {import('../client/types.js').MicrophoneOptions} MicrophoneOptions */
/** @typedef {import('../client/types.js').MicrophoneState} MicrophoneState */
/** @typedef {import('../client/types.js').Problem} Problem */
/** @typedef {import('../client/types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('../client/types.js').SessionConfig} SessionConfig */
/** @typedef {import('../client/types.js').TransportName} TransportName */
/** @typedef {import('../client/types.js').Turn} Turn */
/** @typedef {import('./event-filter.js').Logged} Logged */
/** @typedef {import('./session-scale.js').Mark} Mark */

/**
 * What the page asks of a client: AntiphonClient has it all.
 *
 * @typedef {EventTarget & {
 *   readonly state: ClientState,
 *   readonly microphone: MicrophoneState,
 *   readonly history: readonly Entry[],
 *   readonly turns: readonly Turn[],
 *   readonly session: SessionConfig | null,
 *   readonly log: readonly Logged[],
 *   muted: boolean,
 *   connect(): Promise<unknown>,
 *   disconnect(): void,
 *   sendText(text: string): void,
 *   interrupt(): void,
 *   send(event: RealtimeEvent): void,
 *   updateSession(config: SessionConfig): void,
 *   setMicrophone(wanted: string | MicrophoneOptions | false): Promise<unknown>,
 *   setLoudspeaker(deviceId: string): Promise<unknown>,
 *   levels(): { input: number, output: number },
 * }} Client
 */

/** @typedef {new (options: ClientOptions) => Client} ClientClass */

const EVENTS = ['state', 'microphone', 'history', 'turn', 'session', 'problem', 'recovered', 'event', 'sent', 'tool'];

/** @type {MicrophoneState} */
const OFF = { type: 'off', problem: null, label: '', deviceId: '', muted: false };

/**
 * Events: those of the client, and `begun` when there is another client.
 */
export class Conversation extends EventTarget {
  #Client;
  #options;
  /** @type {Client | null} */
  #client = null;
  /** @type {Mark[]} */
  #marks = [];
  /** @type {number | null} */
  #began = null;
  /** @type {number | null} */
  #ended = null;

  /**
   * @param {ClientClass} Client
   * @param {() => ClientOptions} options Asked for each conversation anew.
   */
  constructor(Client, options) {
    super();
    this.#Client = Client;
    this.#options = options;
  }

  /** @returns {ClientState} */
  get state() {
    return this.#client?.state ?? { type: 'idle' };
  }

  get microphone() {
    return this.#client?.microphone ?? OFF;
  }

  get history() {
    return this.#client?.history ?? [];
  }

  get turns() {
    return this.#client?.turns ?? [];
  }

  get session() {
    return this.#client?.session ?? null;
  }

  /** @returns {readonly Logged[]} */
  get log() {
    return this.#client?.log ?? [];
  }

  get marks() {
    return this.#marks;
  }

  /** When it was connected first, and when it ended, by performance.now(). */
  get began() {
    return this.#began;
  }

  get ended() {
    return this.#ended;
  }

  get connected() {
    return this.state.type === 'connected';
  }

  get underWay() {
    return ['connecting', 'connected', 'reconnecting'].includes(this.state.type);
  }

  /** Whether the user's voice has a way to the server. */
  get carriesVoice() {
    return this.state.type === 'connected' && this.state.transport !== 'text';
  }

  /** Whether turns are taken by hand: the session detects none. */
  get byHand() {
    const input = /** @type {{ input?: { turn_detection?: unknown } } | undefined} */ (this.session?.audio)?.input;
    return this.carriesVoice && input?.turn_detection === null;
  }

  levels() {
    return this.#client?.levels() ?? { input: 0, output: 0 };
  }

  /**
   * Begin a conversation; failures are told by `state`. To be called in a click.
   *
   * @param {Partial<ClientOptions>} [differing]
   * @returns {Promise<boolean>} Whether it is connected.
   */
  async begin(differing = {}) {
    const client = new this.#Client({ ...this.#options(), ...differing });
    this.#take(client);
    try {
      await client.connect();
      return true;
    } catch (error) {
      if (!(error instanceof ProblemError) && client.state.type !== 'closed') throw error;
      return false;
    }
  }

  /** @param {Client} client */
  #take(client) {
    this.#client?.disconnect();
    this.#client = client;
    this.#marks = [];
    [this.#began, this.#ended] = [null, null];
    for (const type of EVENTS) client.addEventListener(type, (event) => this.#pass(client, event));
    this.dispatchEvent(new CustomEvent('begun'));
  }

  /**
   * @param {Client} client
   * @param {Event} event
   */
  #pass(client, event) {
    if (client !== this.#client) return;
    const detail = /** @type {CustomEvent} */ (event).detail;
    if (event.type === 'state') this.#noteState(client.state);
    if (event.type === 'problem') this.#marks.push({ at: performance.now(), type: 'problem', problem: detail });
    this.dispatchEvent(new CustomEvent(event.type, { detail }));
  }

  /** @param {ClientState} state */
  #noteState(state) {
    if (state.type === 'closed') this.#ended = performance.now();
    if (state.type !== 'connected') return;
    const at = connectedAt(state.attempts);
    this.#began ??= at;
    this.#ended = null;
    const last = this.#marks.findLast((mark) => mark.type === 'transport');
    if (last?.name !== state.transport) this.#marks.push({ at, type: 'transport', name: state.transport });
  }

  end() {
    this.#client?.disconnect();
  }

  /**
   * @param {string} text
   * @returns {Promise<boolean>} Whether it is on its way: there may be no conversation to be had.
   */
  async write(text) {
    if (!this.underWay && !(await this.begin({ microphone: false }))) return false;
    this.#client?.sendText(text);
    return true;
  }

  interrupt() {
    if (this.connected) this.#client?.interrupt();
  }

  /** @param {RealtimeEvent} event */
  send(event) {
    this.#client?.send(event);
  }

  /** @param {SessionConfig} config */
  update(config) {
    this.#client?.updateSession(config);
  }

  /** @param {boolean} muted */
  mute(muted) {
    if (this.#client) this.#client.muted = muted;
  }

  /** @param {string | MicrophoneOptions | false} wanted */
  async useMicrophone(wanted) {
    await this.#client?.setMicrophone(wanted).catch(ignoreProblem);
  }

  /** @param {string} deviceId */
  async useLoudspeaker(deviceId) {
    await this.#client?.setLoudspeaker(deviceId).catch(ignoreProblem);
  }
}

/**
 * @param {readonly import('../client/types.js').Attempt[]} attempts
 * @returns {number} By performance.now().
 */
function connectedAt(attempts) {
  const last = attempts.findLast(({ outcome }) => outcome === 'connected');
  return last ? last.began + last.seconds * 1000 : performance.now();
}

/** @param {unknown} error A problem is told by the client's own events. */
function ignoreProblem(error) {
  if (!(error instanceof ProblemError)) throw error;
}
