// The user's microphone as pages see it: what it is doing, and what keeps it from it. A conversation can do without.
import { PROBLEMS, ProblemError } from './problems.js';

/** @typedef {import('./audio/microphone.js').Microphone} Microphone */
/** @typedef {import('./types.js').MicrophoneOptions} MicrophoneOptions */
/** @typedef {import('./types.js').MicrophoneState} MicrophoneState */
/** @typedef {import('./types.js').Problem} Problem */

/** @typedef {MicrophoneOptions | MediaStream | false} Wanted */
/** @typedef {(options: MicrophoneOptions | MediaStream, wait: { signal?: AbortSignal }) => Promise<Microphone>} OpenMicrophone */

/** @type {MicrophoneState} */
const OFF = { type: 'off', problem: null, label: '', deviceId: '', muted: false };

export class UserVoice {
  #open;
  #onState;
  #onProblem;
  #wanted;
  /** @type {MicrophoneState} */
  #state = OFF;
  /** @type {Microphone | null} */
  #microphone = null;
  #listening = new AbortController();

  /**
   * @param {object} parts
   * @param {Wanted} parts.wanted
   * @param {OpenMicrophone} parts.open
   * @param {() => void} parts.onState
   * @param {(problem: Problem) => void} parts.onProblem
   */
  constructor({ wanted, open, onState, onProblem }) {
    this.#wanted = wanted;
    this.#open = open;
    this.#onState = onState;
    this.#onProblem = onProblem;
  }

  get state() {
    return this.#state;
  }

  /** The open microphone. */
  get microphone() {
    return this.#microphone;
  }

  get muted() {
    return this.#state.muted;
  }

  set muted(muted) {
    if (this.#microphone) this.#microphone.muted = muted;
    this.#set({ muted });
  }

  /** @returns {number} 0..1 */
  level() {
    return this.#microphone?.level() ?? 0;
  }

  /**
   * Open the microphone, if it is wanted. What keeps it from being opened is told, and not thrown.
   *
   * @param {AbortSignal} signal
   */
  async begin(signal) {
    if (this.#wanted === false || this.#microphone) return;
    await this.#ask(this.#wanted, signal).catch((error) => {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof ProblemError)) throw error;
    });
  }

  /**
   * Want another microphone from now on, or none, and change to it if there is a conversation.
   *
   * @param {Wanted | string} wanted A string is a device's id.
   * @param {AbortSignal | null} signal Of the conversation; null while there is none.
   * @returns {Promise<boolean>} Whether the connection has to be made anew: there was no microphone before, or there is none now.
   * @throws {ProblemError} Then what was there goes on.
   */
  async change(wanted, signal) {
    const known = typeof this.#wanted === 'object' && !('getAudioTracks' in this.#wanted) ? this.#wanted : {};
    this.#wanted = typeof wanted === 'string' ? { ...known, deviceId: wanted } : wanted;
    if (!signal) return false;
    if (this.#wanted === false) return this.#drop();
    if (this.#microphone && this.#state.type === 'on') {
      await this.#microphone.use(this.#wanted, { signal });
      return false;
    }
    this.#drop();
    await this.#ask(this.#wanted, signal);
    return true;
  }

  /**
   * Note a problem that somebody else had with it.
   *
   * @param {Problem} problem
   */
  note(problem) {
    this.#set({ type: PROBLEMS[problem.code] === 'voice' ? 'failed' : this.#state.type, problem });
    this.#onProblem(problem);
  }

  close() {
    this.#drop();
    this.#set({ ...OFF, muted: this.#state.muted });
  }

  /**
   * @param {MicrophoneOptions | MediaStream} wanted
   * @param {AbortSignal} signal
   */
  async #ask(wanted, signal) {
    this.#set({ ...OFF, type: 'asking', muted: this.#state.muted });
    try {
      const microphone = await this.#open(wanted, { signal });
      if (signal.aborted) microphone.close();
      signal.throwIfAborted();
      this.#take(microphone);
    } catch (error) {
      if (error instanceof ProblemError && !signal.aborted) this.note(error.problem);
      else this.#set({ type: 'off' });
      throw error;
    }
  }

  /** @param {Microphone} microphone */
  #take(microphone) {
    this.#microphone = microphone;
    microphone.muted = this.#state.muted;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const tell = () => this.#set({ type: 'on', problem: null, label: microphone.label, deviceId: microphone.deviceId });
    microphone.addEventListener('problem', (event) => this.note(/** @type {CustomEvent} */ (event).detail), { signal });
    microphone.addEventListener('recovered', tell, { signal });
    microphone.addEventListener('trackchange', tell, { signal });
    tell();
  }

  #drop() {
    const had = this.#microphone !== null;
    this.#listening.abort();
    this.#microphone?.close();
    this.#microphone = null;
    if (had) this.#set({ ...OFF, muted: this.#state.muted });
    return had;
  }

  /** @param {Partial<MicrophoneState>} change */
  #set(change) {
    this.#state = { ...this.#state, ...change };
    this.#onState();
  }
}
