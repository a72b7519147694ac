// How loud it is: for meters and waveforms. Cheap enough to be asked in each animation frame.

// Quieter than this is drawn as nothing; speech close to a microphone is 30 to 50 dB above it.
const FLOOR_DB = -60;
const CEILING_DB = -6;
// A meter jumps up and sinks back, or it flickers.
const ATTACK_SECONDS = 0.02;
const RELEASE_SECONDS = 0.25;
// A gap between two looks (a hidden tab) counts as one of this length.
const LONGEST_STEP_SECONDS = 1;

/**
 * @param {Float32Array} samples
 * @returns {number} Their root mean square.
 */
export function rms(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += /** @type {number} */ (samples[i]) ** 2;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}

/**
 * @param {number} amplitude Root mean square.
 * @returns {number} 0 at -60 dBFS and below, 1 at -6 dBFS and above, in between by decibels.
 */
export function toLevel(amplitude) {
  const decibels = 20 * Math.log10(Math.max(amplitude, 1e-9));
  return Math.min(1, Math.max(0, (decibels - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** Follows a level as a meter does: fast up, slowly down. */
export class Envelope {
  #level = 0;
  /** @type {number | null} */
  #at = null;

  /**
   * @param {number} target 0..1
   * @param {number} now In seconds.
   * @returns {number} 0..1
   */
  follow(target, now) {
    const step = this.#at === null ? 0 : Math.min(LONGEST_STEP_SECONDS, Math.max(0, now - this.#at));
    const seconds = target > this.#level ? ATTACK_SECONDS : RELEASE_SECONDS;
    this.#level += (target - this.#level) * (this.#at === null ? 1 : 1 - Math.exp(-step / seconds));
    this.#at = now;
    return this.#level;
  }
}

/**
 * Puts a spectrum into bars, each of the same share of the scale of pitch.
 *
 * @param {Float32Array} decibels Of the analyser's bins.
 * @param {number} binHz
 * @param {number} count
 * @returns {number[]} 0..1 each, from 100 Hz to 8 kHz.
 */
export function spectrumBars(decibels, binHz, count) {
  const edge = (/** @type {number} */ i) => 100 * 80 ** (i / count);
  return Array.from({ length: count }, (_, i) => {
    const first = Math.min(decibels.length - 1, Math.floor(edge(i) / binHz));
    const bins = decibels.subarray(first, Math.max(first + 1, Math.ceil(edge(i + 1) / binHz)));
    // A bin's peak lies below the signal's level, by how much depends on the signal; 30 dB more range makes up for it.
    return Math.min(1, Math.max(0, (Math.max(...bins) + 90) / 70));
  });
}

/** What an AnalyserNode hears. */
export class LevelMeter {
  #analyser;
  #now;
  #envelope = new Envelope();
  #samples;
  #bins;

  /**
   * @param {AnalyserNode} analyser
   * @param {() => number} [now] In seconds.
   */
  constructor(analyser, now = () => performance.now() / 1000) {
    this.#analyser = analyser;
    this.#now = now;
    this.#samples = new Float32Array(analyser.fftSize);
    this.#bins = new Float32Array(analyser.frequencyBinCount);
  }

  /** @returns {number} 0..1 */
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return this.#envelope.follow(toLevel(rms(this.#samples)), this.#now());
  }

  /**
   * @param {number} count
   * @returns {number[]} The spectrum, from low to high, 0..1 each.
   */
  bars(count) {
    this.#analyser.getFloatFrequencyData(this.#bins);
    return spectrumBars(this.#bins, this.#analyser.context.sampleRate / this.#analyser.fftSize, count);
  }

  /** @returns {boolean} Whether the last 20 ms or more are exact zeros: nobody's room is that quiet. */
  isDigitalSilence() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return this.#samples.every((sample) => sample === 0);
  }
}

/**
 * @param {BaseAudioContext} context
 * @returns {AnalyserNode} Of 1024 samples: 21 ms at 48 kHz.
 */
export function createAnalyser(context) {
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  analyser.smoothingTimeConstant = 0.5;
  return analyser;
}
