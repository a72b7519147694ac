// Time and chance, handed to whatever needs them, so that tests move the clock themselves.

/**
 * @typedef {object} Clock
 * @property {() => number} now Milliseconds; never goes back. Sleep may be left out.
 * @property {() => number} date Milliseconds since 1970; goes on during sleep.
 * @property {(ms: number, run: () => void) => () => void} after Runs something once, later; the result keeps it from running.
 * @property {() => number} random From 0 to 1.
 */

/** @type {Clock} */
export const CLOCK = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/**
 * Call `run` when a signal is aborted, at once if it was already; the result ends that.
 *
 * @param {AbortSignal} signal
 * @param {() => void} run
 * @returns {() => void}
 */
export function onAbort(signal, run) {
  if (signal.aborted) run();
  else signal.addEventListener('abort', run, { once: true });
  return () => signal.removeEventListener('abort', run);
}

/**
 * Return what a promise gives, unless the signal is aborted first: then its reason is thrown, and what the promise gives is let go.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function unlessAborted(promise, signal) {
  let stop = () => {};
  const aborted = new Promise((_, reject) => {
    stop = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await /** @type {Promise<T>} */ (Promise.race([promise, aborted]));
  } finally {
    stop();
  }
}

/**
 * Wait.
 *
 * @param {Pick<Clock, 'after'>} clock
 * @param {number} ms
 * @param {AbortSignal} signal Its reason is thrown when it is aborted.
 * @returns {Promise<void>}
 */
export async function pause(clock, ms, signal) {
  let cancel = () => {};
  try {
    await unlessAborted(new Promise((resolve) => (cancel = clock.after(ms, () => resolve(undefined)))), signal);
  } finally {
    cancel();
  }
}
