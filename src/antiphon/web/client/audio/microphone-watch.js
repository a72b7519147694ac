// Notices a microphone that gives nothing.

/** @typedef {import('../problems.js').Problem} Problem */

// Tracks of Firefox and Safari begin muted, and every change of device mutes them for a moment.
const MUTED_SECONDS = 1;
const SILENT_SECONDS = 4;
const LOOK_MS = 250;
// Looks that are further apart (a hidden tab's timers) say nothing about the time between them.
const LONGEST_GAP_SECONDS = 2;

/** @typedef {{ muted: boolean, enabled: boolean, running: boolean, zeros: boolean }} Look */

/** Decides, from what is seen now and then, what is wrong. Pure. */
export class SilenceWatch {
  #mutedFor = 0;
  #silentFor = 0;
  /** @type {number | null} */
  #at = null;

  /**
   * @param {Look} look `muted`: by its switch or the system; `enabled`: not muted by the page; `running`: the audio clock runs; `zeros`:
   *   exact silence.
   * @param {number} now In seconds.
   * @returns {Problem | null} What is wrong now.
   */
  look(look, now) {
    const step = this.#at === null ? 0 : Math.min(LONGEST_GAP_SECONDS, now - this.#at);
    this.#at = now;
    this.#mutedFor = look.muted ? this.#mutedFor + step : 0;
    this.#hear(look, step);
    if (this.#mutedFor >= MUTED_SECONDS) return { code: 'microphone_muted', detail: '' };
    if (this.#silentFor < SILENT_SECONDS) return null;
    const detail = look.running ? '' : 'the browser does not run its audio before a click';
    return { code: 'microphone_silent', detail };
  }

  /**
   * @param {Look} look
   * @param {number} step
   */
  #hear({ muted, enabled, running, zeros }, step) {
    if (enabled && !muted) this.#silentFor = zeros || !running ? this.#silentFor + step : 0;
    else if (muted) this.#silentFor = 0;
  }
}

/**
 * Looks at a microphone until it is told to stop.
 *
 * @param {() => Look} see
 * @param {(problem: Problem | null) => void} onChange
 * @returns {() => void} Stops it.
 */
export function watchMicrophone(see, onChange) {
  const watch = new SilenceWatch();
  /** @type {string | null} */
  let code = null;
  const timer = setInterval(() => {
    const problem = watch.look(see(), performance.now() / 1000);
    if ((problem?.code ?? null) === code) return;
    code = problem?.code ?? null;
    onChange(problem);
  }, LOOK_MS);
  return () => clearInterval(timer);
}
