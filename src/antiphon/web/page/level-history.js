// Sound levels of the last seconds, a value for each bar of a waveform.

/** A ring of levels: what is drawn scrolls, nothing is moved. */
export class LevelHistory {
  #levels;
  #count = 0;
  #peak = 0;
  #slot = -1;
  #slotMs;

  /**
   * @param {number} size How many bars are kept.
   * @param {number} slotMs How many milliseconds a bar stands for.
   */
  constructor(size, slotMs) {
    this.#levels = new Float32Array(size);
    this.#slotMs = slotMs;
  }

  /**
   * Take a level; of those within one bar the loudest counts.
   *
   * @param {number} level From 0 to 1.
   * @param {number} now Milliseconds.
   */
  add(level, now) {
    const slot = Math.floor(now / this.#slotMs);
    if (this.#slot < 0) this.#slot = slot;
    if (slot !== this.#slot) this.#turnOver(slot);
    this.#peak = Math.max(this.#peak, level);
  }

  /** @param {number} slot */
  #turnOver(slot) {
    const passed = Math.min(slot - this.#slot, this.#levels.length);
    for (let index = 0; index < passed; index += 1) this.#push(index === 0 ? this.#peak : 0);
    this.#slot = slot;
    this.#peak = 0;
  }

  /** @param {number} level */
  #push(level) {
    this.#levels[this.#count % this.#levels.length] = level;
    this.#count += 1;
  }

  /**
   * @param {number} age 0 for the bar that still grows, 1 for the newest that is complete.
   * @returns {number} From 0 to 1.
   */
  at(age) {
    if (age === 0) return this.#peak;
    if (age > Math.min(this.#count, this.#levels.length)) return 0;
    return this.#levels[(this.#count - age) % this.#levels.length] ?? 0;
  }

  clear() {
    this.#levels.fill(0);
    this.#count = 0;
    this.#peak = 0;
    this.#slot = -1;
  }
}
