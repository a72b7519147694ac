// An AudioContext that is kept running.

/** @typedef {{ onBlocked?: () => void, onRunning?: () => void, onStalled?: () => void }} ContextListener */

// A context that is not allowed to start says nothing about it. Where it should be allowed, a slow device is the likelier reason.
const PATIENCE_MS = 700;
const LONG_PATIENCE_MS = 4000;
const STALL_MS = 700;

/**
 * Listen to what browsers take as the user's wish to hear something.
 *
 * @param {() => void} listener
 * @param {AbortSignal} signal
 */
export function onGesture(listener, signal) {
  for (const gesture of ['pointerup', 'touchend', 'click', 'keydown']) {
    document.addEventListener(gesture, listener, { signal, capture: true, passive: true });
  }
}

/**
 * Resumes a context whenever there is hope:
 * - in a gesture, as browsers let no page sound before one;
 * - when the page is seen again: iOS interrupts contexts for calls, Siri and its lock screen. While it says `interrupted`, `resume` is in
 *   vain, so it is not asked before the page is visible;
 * - when it says `running` and its clock stands still, as happens behind such an interruption and after the machine's sleep: then it is
 *   suspended and resumed, and if that is no cure, `onStalled` comes.
 */
export class ContextKeeper {
  #context;
  #listener;
  #blocked = false;
  #interrupted = false;
  #mending = false;
  #end = new AbortController();

  /**
   * @param {AudioContext} context
   * @param {ContextListener} [listener]
   */
  constructor(context, listener = {}) {
    this.#context = context;
    this.#listener = listener;
    const { signal } = this.#end;
    context.addEventListener('statechange', () => this.#look(), { signal });
    document.addEventListener('visibilitychange', () => this.#wake(), { signal });
    globalThis.addEventListener('pageshow', () => this.#wake(), { signal });
    onGesture(() => this.#touched(), signal);
  }

  /** Let it run; says `onBlocked` when the browser does not want it yet. */
  async resume() {
    if (this.#context.state !== 'running') this.#try();
    await this.#settled(isAllowed() ? LONG_PATIENCE_MS : PATIENCE_MS);
    if (this.#end.signal.aborted) return;
    if (this.#context.state !== 'running') this.#block();
  }

  close() {
    this.#end.abort();
    if (this.#context.state !== 'closed') this.#context.close().catch(() => undefined);
  }

  #try() {
    // Chromium lets the promise wait for a gesture, Safari rejects it: the state tells.
    this.#context.resume().catch(() => undefined);
  }

  /** @param {number} ms At most. */
  async #settled(ms) {
    const end = new AbortController();
    await new Promise((resolve) => {
      const look = () => this.#context.state === 'running' && resolve(null);
      const timer = setTimeout(resolve, ms);
      end.signal.addEventListener('abort', () => clearTimeout(timer));
      this.#context.addEventListener('statechange', look, { signal: end.signal });
      look();
    });
    end.abort();
  }

  #block() {
    if (this.#blocked) return;
    this.#blocked = true;
    this.#listener.onBlocked?.();
  }

  #look() {
    const { state } = this.#context;
    if (state === 'running') this.#runs();
    if (state === 'interrupted') this.#interrupted = true;
    // What was interrupted becomes suspended when the interruption is over.
    if (state === 'suspended' && document.visibilityState === 'visible') this.#try();
  }

  #runs() {
    if (this.#blocked) this.#listener.onRunning?.();
    if (this.#interrupted) this.#mend();
    this.#blocked = this.#interrupted = false;
  }

  #touched() {
    if (this.#context.state !== 'running' && this.#context.state !== 'closed') this.#try();
  }

  async #wake() {
    if (document.visibilityState !== 'visible' || this.#context.state === 'closed') return;
    await (this.#context.state === 'running' ? this.#mend() : this.resume());
  }

  async #mend() {
    if (this.#mending) return;
    this.#mending = true;
    if ((await this.#stands()) && !(await this.#restart())) this.#listener.onStalled?.();
    this.#mending = false;
  }

  /** @returns {Promise<boolean>} Whether its clock runs again. */
  async #restart() {
    await this.#context.suspend().catch(() => undefined);
    this.#try();
    return !(await this.#stands());
  }

  /** Whether its clock stands still. */
  async #stands() {
    const before = this.#context.currentTime;
    await new Promise((resolve) => setTimeout(resolve, STALL_MS));
    return !this.#end.signal.aborted && this.#context.state === 'running' && this.#context.currentTime === before;
  }
}

/** Whether the browser says, or lets guess, that pages may sound now. */
function isAllowed() {
  const { userActivation, getAutoplayPolicy } =
    /** @type {Navigator & { getAutoplayPolicy?: (type: string) => string }} */ (navigator);
  if (getAutoplayPolicy) return getAutoplayPolicy.call(navigator, 'audiocontext') === 'allowed'; // Firefox
  return userActivation?.hasBeenActive ?? false;
}
