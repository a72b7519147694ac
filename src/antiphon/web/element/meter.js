// The level meter: bars that swell with the voice, yours or the assistant's. With reduced motion they stand still and fill like a scale.
import { make } from './dom.js';

/** @typedef {import('./look.js').Look} Look */

const BARS = 27;
const REST = 0.07;
// Speech is mostly quiet: the root brings its levels to the middle of the meter.
const EXPONENT = 0.6;
const STILL_MS = 250;

/**
 * @param {number} level From 0 to 1.
 * @param {number} count How many bars.
 * @param {number} seconds Time that goes on, to make the bars wander.
 * @returns {number[]} Heights from 0 to 1, highest in the middle.
 */
export function barHeights(level, count, seconds) {
  const swell = Math.max(0, Math.min(1, level)) ** EXPONENT;
  return Array.from({ length: count }, (_, i) => {
    const place = count > 1 ? (2 * i) / (count - 1) - 1 : 0;
    const wander = 0.75 + 0.25 * Math.sin(seconds * 7 + i * 1.9) * Math.cos(seconds * 3 - i * 0.7);
    return REST + (1 - REST) * swell * Math.exp(-2.4 * place * place) * wander;
  });
}

/**
 * @param {number} level From 0 to 1.
 * @param {number} count
 * @returns {number} How many bars of a still scale are lit.
 */
export function litBars(level, count) {
  return Math.round(Math.max(0, Math.min(1, level)) ** EXPONENT * count);
}

/** The meter, which draws while it runs and rests otherwise. */
export class Meter {
  #bars = Array.from({ length: BARS }, () => make('i'));
  element = make('div', { part: 'meter', class: 'meter', 'aria-hidden': 'true' }, ...this.#bars);
  /** @type {() => { input: number, output: number }} */
  #levels = () => ({ input: 0, output: 0 });
  #running = false;
  #level = 0;
  #drawnAt = 0;
  #still = globalThis.matchMedia('(prefers-reduced-motion: reduce)');

  /**
   * @param {Look} look
   * @param {(() => { input: number, output: number }) | null} levels
   */
  update(look, levels) {
    this.element.hidden = !look.meter;
    this.element.dataset['tone'] = look.tone;
    this.#levels = levels ?? this.#levels;
    const runs = look.phase === 'connected' && look.meter && levels !== null;
    if (runs && !this.#running) requestAnimationFrame(this.#draw);
    if (!runs) this.#rest();
    this.#running = runs;
  }

  #draw = (/** @type {number} */ now) => {
    if (!this.#running || !this.element.isConnected) {
      this.#running = false;
      return;
    }
    requestAnimationFrame(this.#draw);
    const { input, output } = this.#levels();
    // It rises at once, and falls slowly enough to be seen.
    this.#level = Math.max(input, output, this.#level * 0.86);
    if (!this.#still.matches) this.#swell(now / 1000);
    else if (now - this.#drawnAt >= STILL_MS) this.#fill(now);
  };

  /** @param {number} seconds */
  #swell(seconds) {
    const heights = barHeights(this.#level, BARS, seconds);
    this.#bars.forEach((bar, i) => (bar.style.transform = `scaleY(${(heights[i] ?? REST).toFixed(3)})`));
  }

  /** @param {number} now */
  #fill(now) {
    this.#drawnAt = now;
    const lit = litBars(this.#level, BARS);
    this.#bars.forEach((bar, i) => bar.classList.toggle('lit', i < lit));
  }

  #rest() {
    this.#level = 0;
    for (const bar of this.#bars) {
      bar.style.transform = '';
      bar.classList.remove('lit');
    }
  }
}
