// What the transports take from the browser. Tests hand in their own, with clocks that they move themselves.

import { pause as paused } from '../clock.js';

/**
 * @typedef {Pick<typeof globalThis, 'fetch' | 'setTimeout' | 'clearTimeout' | 'performance' | 'WebSocket' | 'RTCPeerConnection'
 *   | 'MediaStream'> & { navigator: Pick<Navigator, 'onLine'>, location?: Pick<Location, 'origin'> }} Browser
 */

/**
 * A promise with its two ends.
 *
 * @template T
 */
export class Deferred {
  /** @type {(value: T) => void} */
  resolve = () => {};
  /** @type {(reason: unknown) => void} */
  reject = () => {};
  /** @type {Promise<T>} */
  promise = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    // Who comes too late to hear of a failure has no use for it: it is no unhandled rejection.
    this.promise.catch(() => {});
  }
}

/**
 * Waits, and no longer than until `signal` is aborted.
 *
 * @param {Browser} browser
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>} Never rejected.
 */
export function pause(browser, milliseconds, signal) {
  const after = (/** @type {number} */ ms, /** @type {() => void} */ run) => {
    const timer = browser.setTimeout(run, ms);
    return () => browser.clearTimeout(timer);
  };
  return paused({ after }, milliseconds, signal).catch(() => {});
}

/** Aborted when one of the given signals is, or by itself: AbortSignal.any, which Safari before 17.4 lacks. */
export class Stopper {
  #controller = new AbortController();
  /** @type {(() => void)[]} */
  #forget = [];

  /** @param {...AbortSignal} signals */
  constructor(...signals) {
    for (const signal of signals) this.#follow(signal);
  }

  get signal() {
    return this.#controller.signal;
  }

  /** @param {unknown} [reason] */
  abort(reason) {
    this.release();
    this.#controller.abort(reason);
  }

  /** From here on it follows nobody. */
  release() {
    for (const forget of this.#forget.splice(0)) forget();
  }

  /** @param {AbortSignal} signal */
  #follow(signal) {
    const abort = () => this.abort(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort);
    this.#forget.push(() => signal.removeEventListener('abort', abort));
  }
}
