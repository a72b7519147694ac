// Whether the network or the machine went away for a while: what browsers tell of it, and what a clock shows.

/** @typedef {import('./clock.js').Clock} Clock */

const TICK_MS = 2000;
const JUMP_MS = 5000;
// Hidden pages have their timers held back for up to a minute, which is no sleep.
const HIDDEN_JUMP_MS = 65_000;

/**
 * What happened: `online`: there is a network again; `visible`: the page is looked at again; `restored`: it came from the browser's
 * cache of pages, without its connections; `slept`: the machine or the page stood still; `network_changed`: another network is used.
 *
 * @typedef {'online' | 'visible' | 'restored' | 'slept' | 'network_changed'} Waking
 */

/**
 * The parts of the browser that are watched.
 *
 * @typedef {object} Surroundings
 * @property {EventTarget} window
 * @property {EventTarget & { visibilityState: string }} document
 * @property {{ onLine: boolean, connection?: EventTarget & { type?: string } }} navigator
 */

/**
 * Watch until the signal is aborted.
 *
 * @param {Surroundings} around
 * @param {Clock} clock
 * @param {(waking: Waking) => void} onWaking
 * @param {AbortSignal} signal
 */
export function watchWaking(around, clock, onWaking, signal) {
  const { window, document, navigator } = around;
  const options = { signal };
  const ticks = new Ticks(
    clock,
    () => document.visibilityState === 'hidden',
    () => onWaking('slept'),
  );
  signal.addEventListener('abort', () => ticks.stop(), { once: true });
  window.addEventListener('online', () => onWaking('online'), options);
  window.addEventListener(
    'pageshow',
    (event) => {
      if (/** @type {PageTransitionEvent} */ (event).persisted) onWaking('restored');
    },
    options,
  );
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible' && !ticks.check(HIDDEN_JUMP_MS)) onWaking('visible');
    },
    options,
  );
  watchNetwork(navigator.connection, () => onWaking('network_changed'), signal);
}

/**
 * @param {(EventTarget & { type?: string }) | undefined} connection
 * @param {() => void} onChange
 * @param {AbortSignal} signal
 */
function watchNetwork(connection, onChange, signal) {
  let type = connection?.type;
  const check = () => {
    // It changes with every estimate of its speed, too.
    if (connection?.type === type) return;
    type = connection?.type;
    if (type !== 'none') onChange();
  };
  connection?.addEventListener?.('change', check, { signal });
}

/** A timer that shows when time was lost. */
class Ticks {
  #clock;
  #isHidden;
  #onJump;
  #last;
  #cancel = () => {};

  /**
   * @param {Clock} clock
   * @param {() => boolean} isHidden
   * @param {() => void} onJump
   */
  constructor(clock, isHidden, onJump) {
    this.#clock = clock;
    this.#isHidden = isHidden;
    this.#onJump = onJump;
    this.#last = clock.date();
    this.#wait();
  }

  stop() {
    this.#cancel();
  }

  /**
   * Return whether more time was lost than `most`, in ms, since the last tick; it is told then.
   *
   * @param {number} most
   */
  check(most) {
    const lost = this.#clock.date() - this.#last - TICK_MS;
    this.#last = this.#clock.date();
    if (lost > most) this.#onJump();
    return lost > most;
  }

  #wait() {
    this.#cancel = this.#clock.after(TICK_MS, () => {
      this.#wait();
      this.check(this.#isHidden() ? HIDDEN_JUMP_MS : JUMP_MS);
    });
  }
}
