// A voice as a waveform that scrolls; a plain meter for those who want little motion.

import { element, wantsLittleMotion } from './dom.js';
import { LevelHistory } from './level-history.js';

const SLOT_MS = 50; // a bar
const PITCH = 5; // CSS pixels from bar to bar
const BAR = 3; // CSS pixels
const SIZE = 400; // bars: as many as the widest canvas shows
const METER_MS = 150; // a meter moves no more often

/** The loudness of one side over the last seconds. */
export class Waveform {
  #canvas = element('canvas', { class: 'wave-canvas', 'aria-hidden': 'true' });
  #pen = this.#canvas.getContext('2d');
  #history = new LevelHistory(SIZE, SLOT_MS);
  #meter = element('span', { class: 'wave-meter', 'aria-hidden': 'true' });
  #littleMotion = wantsLittleMotion();
  #metered = 0;

  /**
   * @param {string} label
   * @param {'input' | 'output'} side
   */
  constructor(label, side) {
    this.side = side;
    this.#canvas.hidden = this.#littleMotion;
    const meter = element('span', { class: 'wave-meter-track', hidden: !this.#littleMotion }, this.#meter);
    this.element = element(
      'div',
      { class: 'wave', 'data-side': side },
      element('span', { class: 'wave-label' }, label),
      this.#canvas,
      meter,
    );
  }

  /**
   * @param {number} level From 0 to 1.
   * @param {number} now Milliseconds.
   */
  draw(level, now) {
    if (this.#littleMotion) this.#showMeter(level, now);
    else this.#drawBars(level, now);
  }

  /**
   * @param {number} level
   * @param {number} now
   */
  #showMeter(level, now) {
    if (now - this.#metered < METER_MS) return;
    this.#metered = now;
    this.#meter.style.inlineSize = `${Math.round(Math.min(1, level) * 100)}%`;
  }

  /**
   * @param {number} level
   * @param {number} now
   */
  #drawBars(level, now) {
    this.#history.add(level, now);
    const pen = this.#pen;
    if (!pen || !this.#fit()) return;
    const { width, height } = this.#canvas;
    const scale = window.devicePixelRatio || 1;
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = getComputedStyle(this.#canvas).color;
    pen.beginPath();
    // The newest bar grows at the edge while the others move on: no jump from slot to slot.
    const shift = (now % SLOT_MS) / SLOT_MS;
    for (let age = 0; (age - 1) * PITCH * scale < width; age += 1)
      this.#bar(pen, age, (age + shift - 1) * PITCH * scale, scale);
    pen.fill();
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} age
   * @param {number} distance Device pixels from the end of the canvas.
   * @param {number} scale Device pixels to a CSS pixel.
   */
  #bar(pen, age, distance, scale) {
    const { width, height } = this.#canvas;
    // Levels follow the ear (decibels), which makes a flat picture of speech: squared, its syllables are seen.
    const tall = Math.max(BAR * scale, Math.min(1, this.#history.at(age)) ** 2 * (height - 4 * scale));
    pen.roundRect(width - distance - PITCH * scale, (height - tall) / 2, BAR * scale, tall, (BAR * scale) / 2);
  }

  /** @returns {boolean} Whether there is room to draw; the canvas has as many pixels as the screen has there. */
  #fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * scale), Math.round(clientHeight * scale)];
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    return width > 0 && height > 0;
  }

  clear() {
    this.#history.clear();
    this.#meter.style.inlineSize = '0';
    if (this.#fit()) this.#pen?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }
}
