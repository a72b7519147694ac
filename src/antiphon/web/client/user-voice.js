// The user's microphone as pages see it: what it is doing, and what keeps it from it. A conversation can do without.
import { onAbort } from './clock.js';
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
  /** Of what was asked for last: a microphone that comes when something else is wanted is not taken. */
  #asking = new AbortController();

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
   * Open the microphone, if it is wanted. What keeps it from being opened is told, and not thrown; nor is it waited for when
   * something else is wanted meanwhile.
   *
   * @param {AbortSignal} signal
   */
  async begin(signal) {
    if (this.#wanted === false || this.#microphone) return;
    const asking = this.#newAsking(signal);
    await this.#ask(this.#wanted, asking).catch((error) => {
      if (signal.aborted) throw signal.reason;
      if (!asking.aborted && !(error instanceof ProblemError)) throw error;
    });
  }

  /**
   * Want another microphone from now on, or none, and change to it if there is a conversation.
   *
   * @param {Wanted | string} wanted A string is a device's id.
   * @param {AbortSignal | null} signal Of the conversation; null while there is none.
   * @returns {Promise<boolean>} Whether the connection has to be made anew: there was no microphone before, or there is none now. Not
   *   when something else is wanted meanwhile: then it is for that to say.
   * @throws {ProblemError} Then what was there goes on.
   */
  async change(wanted, signal) {
    const known = typeof this.#wanted === 'object' && !('getAudioTracks' in this.#wanted) ? this.#wanted : {};
    this.#wanted = typeof wanted === 'string' ? { ...known, deviceId: wanted } : wanted;
    if (!signal) return false;
    if (this.#wanted === false) return this.#drop();
    if (this.#state.type !== 'on') this.#drop();
    const isNew = !this.#microphone;
    const asking = this.#newAsking(signal);
    try {
      if (this.#microphone) await this.#microphone.use(this.#wanted, { signal: asking });
      else await this.#ask(this.#wanted, asking);
      return isNew;
    } catch (error) {
      if (signal.aborted || !asking.aborted) throw error;
      return false;
    }
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
  }

  /**
   * @param {AbortSignal} signal Of the conversation.
   * @returns {AbortSignal} Of what is asked for now.
   */
  #newAsking(signal) {
    this.#asking.abort();
    const asking = (this.#asking = new AbortController());
    onAbort(signal, () => asking.abort(signal.reason));
    return asking.signal;
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
      // Who wants something else has said so.
      if (signal.aborted) throw error;
      if (error instanceof ProblemError) this.note(error.problem);
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
    this.#asking.abort();
    this.#listening.abort();
    this.#microphone?.close();
    this.#microphone = null;
    this.#set({ ...OFF, muted: this.#state.muted });
    return had;
  }

  /** @param {Partial<MicrophoneState>} change */
  #set(change) {
    this.#state = { ...this.#state, ...change };
    this.#onState();
  }
}
