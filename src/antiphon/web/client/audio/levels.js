// How loud it is: for meters and waveforms. Cheap enough to be asked in each animation frame.

import { ContextKeeper } from './sound-context.js';

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

/** What an AnalyserNode hears. */
export class LevelMeter {
  #analyser;
  #now;
  #envelope = new Envelope();
  #samples;

  /**
   * @param {AnalyserNode} analyser
   * @param {() => number} [now] In seconds.
   */
  constructor(analyser, now = () => performance.now() / 1000) {
    this.#analyser = analyser;
    this.#now = now;
    this.#samples = new Float32Array(analyser.fftSize);
  }

  /** @returns {number} 0..1 */
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return this.#envelope.follow(toLevel(rms(this.#samples)), this.#now());
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
  return analyser;
}

/**
 * Listens to a microphone's stream inside the page.
 *
 * One per track: it has a context of its own, made when the track is there. A context keeps the rate that the device had when it was made;
 * a headset that comes by Bluetooth changes that, and Safari then gives noise, or nothing, to the older context.
 *
 * Its rate is the device's own. Firefox refuses streams in contexts of another rate, and Safari's conversion was not always sound.
 */
export class MicrophoneTap {
  #context = new AudioContext({ latencyHint: 'interactive' });
  #keeper = new ContextKeeper(this.#context);
  #source;
  #meter;

  /** @param {MediaStream} stream */
  constructor(stream) {
    this.#source = this.#context.createMediaStreamSource(stream);
    const analyser = createAnalyser(this.#context);
    this.#source.connect(analyser);
    this.#meter = new LevelMeter(analyser);
    this.#keeper.resume();
  }

  get running() {
    return this.#context.state === 'running';
  }

  get meter() {
    return this.#meter;
  }

  /** What the samples come from. */
  get source() {
    return this.#source;
  }

  close() {
    this.#source.disconnect();
    this.#keeper.close();
  }
}
