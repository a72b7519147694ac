// Sample formats and rates. Pure.

/** Of all audio on the wire, in Hz. */
export const RATE = 24_000;

/**
 * @param {Int16Array} pcm
 * @returns {Float32Array<ArrayBuffer>} In [-1, 1).
 */
export function toFloat(pcm) {
  const samples = new Float32Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) samples[i] = /** @type {number} */ (pcm[i]) / 32768;
  return samples;
}

/**
 * @param {Float32Array} samples What is beyond [-1, 1] is clipped.
 * @returns {Int16Array<ArrayBuffer>}
 */
export function toInt16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const value = Math.round(/** @type {number} */ (samples[i]) * 32768);
    pcm[i] = value > 32767 ? 32767 : value < -32768 ? -32768 : value;
  }
  return pcm;
}

/**
 * Changes the rate of one mono stream, part by part.
 *
 * A polyphase FIR of linear phase: what both rates can carry passes up to 85 % of the smaller one's Nyquist frequency, and what would come
 * back as an alias or image is at least 70 dB down from 105 % of it on.
 */
export class Resampler {
  #from;
  #to;
  #up;
  #down;
  #length;
  #taps;
  /** @type {Float32Array<ArrayBuffer>} */
  #past;
  #phase = 0;
  /** Where the newest sample that the next output needs stands in the next input. */
  #at = 0;
  #lead;

  /**
   * @param {number} from Rate in Hz.
   * @param {number} to
   * @param {{ aligned?: boolean }} [options] `aligned`: the output has no delay against the input, and its last millisecond comes with
   *   `flush`. Without it each input gives its share of output at once, a millisecond late.
   */
  constructor(from, to, { aligned = false } = {}) {
    const common = commonDivisor(from, to);
    this.#from = from;
    this.#to = to;
    this.#up = to / common;
    this.#down = from / common;
    this.#length = from === to ? 0 : filterLength(from, to);
    this.#taps = from === to ? new Float32Array(0) : designFilter(from, to, this.#up, this.#length);
    this.#lead = aligned ? this.#length / 2 : 0;
    this.#past = new Float32Array(0);
    this.reset();
  }

  /** Forget what was heard: another stream begins. */
  reset() {
    this.#past = new Float32Array(Math.max(0, this.#length - 1));
    this.#phase = 0;
    this.#at = this.#lead;
  }

  /**
   * @param {Float32Array<ArrayBuffer>} input At the first rate.
   * @returns {Float32Array<ArrayBuffer>} At the second one; all inputs together give `ceil(samples * to / from)`.
   */
  process(input) {
    if (this.#from === this.#to) return input;
    const heard = new Float32Array(this.#past.length + input.length);
    heard.set(this.#past);
    heard.set(input, this.#past.length);
    const output = this.#filter(heard, this.#countFor(input.length));
    this.#at -= input.length;
    this.#past = heard.slice(input.length);
    return output;
  }

  /**
   * End the stream.
   *
   * @returns {Float32Array<ArrayBuffer>} What was held back.
   */
  flush() {
    const rest = this.#lead ? this.process(new Float32Array(this.#lead)) : new Float32Array(0);
    this.reset();
    return rest;
  }

  /** @param {number} samples */
  #countFor(samples) {
    return Math.max(0, Math.ceil(((samples - this.#at) * this.#up - this.#phase) / this.#down));
  }

  /**
   * @param {Float32Array<ArrayBuffer>} heard
   * @param {number} count
   */
  #filter(heard, count) {
    const output = new Float32Array(count);
    const taps = this.#taps;
    const length = this.#length;
    for (let k = 0; k < count; k++) {
      const first = this.#phase * length;
      let sum = 0;
      for (let i = 0; i < length; i++) {
        sum += /** @type {number} */ (taps[first + i]) * /** @type {number} */ (heard[this.#at + i]);
      }
      output[k] = sum;
      this.#advance();
    }
    return output;
  }

  #advance() {
    this.#phase += this.#down;
    this.#at += Math.floor(this.#phase / this.#up);
    this.#phase %= this.#up;
  }
}

/** Cuts a stream into chunks of one length. */
export class Chunker {
  #chunk;
  #filled = 0;
  #onChunk;

  /**
   * @param {number} samples Of a chunk.
   * @param {(chunk: Int16Array<ArrayBuffer>) => void} onChunk Each one is its owner's.
   */
  constructor(samples, onChunk) {
    this.#chunk = new Int16Array(samples);
    this.#onChunk = onChunk;
  }

  /** @param {Int16Array} pcm */
  push(pcm) {
    for (let from = 0; from < pcm.length;) {
      const part = pcm.subarray(from, from + this.#chunk.length - this.#filled);
      this.#chunk.set(part, this.#filled);
      from += part.length;
      this.#filled += part.length;
      if (this.#filled === this.#chunk.length) this.#give();
    }
  }

  #give() {
    const chunk = this.#chunk;
    this.#chunk = new Int16Array(chunk.length);
    this.#filled = 0;
    this.#onChunk(chunk);
  }
}

// Kaiser's formulas, with 72 dB: (72 - 7.95) / (2.285 * 2 pi * width) taps, beta = 0.1102 * (72 - 8.7).
const DECIBELS = 72;
const BETA = 0.1102 * (DECIBELS - 8.7);
// Of the smaller rate: from 0.425 (10.2 kHz of 24) to 0.525 (12.6 kHz).
const CUTOFF = 0.475;
const WIDTH = 0.1;

/**
 * @param {number} from
 * @param {number} to
 * @returns {number} Taps of each phase; even, so that the delay is a whole number of input samples.
 */
function filterLength(from, to) {
  const width = (WIDTH * Math.min(from, to)) / from;
  return 2 * Math.ceil((DECIBELS - 7.95) / (2.285 * 2 * Math.PI * width) / 2);
}

/**
 * @param {number} from
 * @param {number} to
 * @param {number} phases
 * @param {number} length
 * @returns {Float32Array} Phase by phase, the tap of the oldest sample first.
 */
function designFilter(from, to, phases, length) {
  const taps = new Float32Array(phases * length);
  const cutoff = (CUTOFF * Math.min(from, to)) / from;
  for (let phase = 0; phase < phases; phase++) {
    const row = taps.subarray(phase * length, (phase + 1) * length);
    for (let i = 0; i < length; i++) row[i] = tap(length - 1 - i + phase / phases - length / 2, cutoff, length / 2);
    normalize(row);
  }
  return taps;
}

/**
 * A sample of the windowed sinc.
 *
 * @param {number} at In input samples from its middle.
 * @param {number} cutoff In cycles per input sample.
 * @param {number} half Its half length.
 */
function tap(at, cutoff, half) {
  const x = 2 * Math.PI * cutoff * at;
  const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (at / half) ** 2))) / bessel(BETA);
  return (x === 0 ? 1 : Math.sin(x) / x) * window;
}

/**
 * Each phase leaves a constant as it is, or the phases' differences would be heard as tones.
 *
 * @param {Float32Array} row
 */
function normalize(row) {
  const sum = row.reduce((total, value) => total + value, 0);
  for (let i = 0; i < row.length; i++) row[i] = /** @type {number} */ (row[i]) / sum;
}

/**
 * The modified Bessel function of order 0.
 *
 * @param {number} x
 */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function commonDivisor(a, b) {
  return b === 0 ? a : commonDivisor(b, a % b);
}
