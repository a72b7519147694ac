// Plays the audio of answers that comes as events, and knows what of it was heard.

import { PlaybackLedger } from './playback-ledger.js';
import { openOutlet, prepareOutlet } from './playback-outlets.js';
import { RATE, Resampler, toFloat } from './pcm.js';

/** @typedef {import('./playback-ledger.js').AudioPart} AudioPart */
/** @typedef {import('./playback-ledger.js').PlayedPart} PlayedPart */
/** @typedef {import('./playback-ledger.js').PlaybackReport} PlaybackReport */
/** @typedef {import('./playback-outlets.js').Outlet} Outlet */

/** @typedef {{ part: AudioPart, pcm: Int16Array } | { ended: string }} Waiting */

// Servers send an answer faster than it is spoken. All of it is kept as it came (29 MB at most); what the outlet gets is four times that size.
const LONGEST_SAMPLES = 600 * RATE;
// So much is given on at once: timers of hidden tabs may be a second late, of long hidden ones much later.
const AHEAD_SECONDS = 10;
// Responses that were cleared, and whose audio may still be on its way.
const KEPT_CLEARED = 16;

/**
 * What was really played, in samples.
 *
 * Events: `started` and `stopped` (detail: `{responseId}`): its first sample is heard; its last one was heard after `end`. Nothing follows
 * a `clear`, whose caller knows.
 */
export class PlaybackQueue extends EventTarget {
  /** @type {Outlet | null} */
  #outlet = null;
  #ledger = new PlaybackLedger(RATE);
  #resampler = new Resampler(RATE, RATE);
  /** @type {AudioPart | null} Whose last samples the resampler holds. */
  #resampled = null;
  /** @type {Waiting[]} */
  #waiting = [];
  #waitingSamples = 0;
  /** @type {{ what: Waiting, end: number }[]} What was given on and is not heard, with the position behind it. */
  #fed = [];
  /** @type {Set<string>} */
  #cleared = new Set();

  /**
   * Play through an outlet from now on; until then, parts wait.
   *
   * @param {Outlet} outlet
   */
  attach(outlet) {
    this.detach();
    this.#outlet = outlet;
    this.#ledger.use(outlet.rate);
    this.#resampler = new Resampler(RATE, outlet.rate, { aligned: true });
    this.#resampled = null;
    this.advance();
  }

  /** The outlet is of no use any more: what was not heard of what it got waits for the next one. */
  detach() {
    if (!this.#outlet) return;
    this.advance();
    const { heardFrame, rate } = this.#outlet;
    const heard = this.#ledger.heard(heardFrame);
    const unheard = this.#fed.map(({ what, end }) => restOf(what, ((end - heard) * RATE) / rate));
    for (const one of unheard) if ('part' in one) this.#waitingSamples += one.pcm.length;
    this.#waiting.unshift(...unheard);
    this.#fed = [];
    this.#ledger.rewind(heardFrame);
    this.#outlet = null;
  }

  /**
   * @param {AudioPart} part What the audio belongs to; what was cleared stays so.
   * @param {Int16Array} pcm PCM16 at 24000 Hz.
   */
  append(part, pcm) {
    if (this.#cleared.has(part.responseId)) return;
    if (this.#waitingSamples + pcm.length > LONGEST_SAMPLES) return;
    this.#waiting.push({ part, pcm });
    this.#waitingSamples += pcm.length;
    this.advance();
  }

  /** @param {string} responseId No more audio of it will come. */
  end(responseId) {
    if (this.#cleared.has(responseId)) return;
    this.#waiting.push({ ended: responseId });
    this.advance();
  }

  /**
   * Silence at once.
   *
   * @returns {PlayedPart | null} What had been heard of the item that was playing; the output's latency is taken off.
   */
  clear() {
    const played = this.playing;
    this.#rememberCleared();
    this.#waiting = [];
    this.#waitingSamples = 0;
    this.#fed = [];
    this.#resampler.reset();
    this.#resampled = null;
    this.#ledger.clear();
    this.#outlet?.clear();
    return played;
  }

  /** @returns {PlayedPart | null} What is heard, or is about to be. */
  get playing() {
    const played = this.#ledger.playing(this.#outlet?.heardFrame ?? 0);
    if (played) return played;
    const next = this.#waiting.find((one) => 'part' in one);
    return next ? { ...next.part, playedMs: 0 } : null;
  }

  /** @param {PlaybackReport | null} report Of the outlet. */
  report(report) {
    if (report) this.#ledger.report(report);
    this.advance();
  }

  /** Look at the clock. */
  advance() {
    if (!this.#outlet) return;
    const heard = this.#outlet.heardFrame;
    this.#feed(this.#outlet, heard);
    const position = this.#ledger.heard(heard);
    while (this.#fed[0] && this.#fed[0].end <= position) this.#fed.shift();
    for (const { type, responseId } of this.#ledger.advance(heard)) {
      this.dispatchEvent(new CustomEvent(type, { detail: { responseId } }));
    }
  }

  /**
   * @param {Outlet} outlet
   * @param {number} heard
   */
  #feed(outlet, heard) {
    const enough = AHEAD_SECONDS * outlet.rate;
    while (this.#waiting[0] && this.#ledger.ahead(heard) < enough) {
      const next = /** @type {Waiting} */ (this.#waiting.shift());
      if ('part' in next) this.#feedPart(outlet, next.part, next.pcm);
      else this.#feedEnd(outlet, next.ended);
      this.#fed.push({ what: next, end: this.#ledger.appended });
    }
  }

  /**
   * @param {Outlet} outlet
   * @param {AudioPart} part
   * @param {Int16Array} pcm
   */
  #feedPart(outlet, part, pcm) {
    this.#waitingSamples -= pcm.length;
    if (this.#resampled && this.#resampled.itemId !== part.itemId) this.#flush(outlet);
    this.#resampled = part;
    this.#give(outlet, part, this.#resampler.process(toFloat(pcm)));
  }

  /**
   * @param {Outlet} outlet
   * @param {string} responseId
   */
  #feedEnd(outlet, responseId) {
    if (this.#resampled?.responseId === responseId) {
      this.#flush(outlet);
      outlet.end();
    }
    this.#ledger.end(responseId);
  }

  /** @param {Outlet} outlet */
  #flush(outlet) {
    if (this.#resampled) this.#give(outlet, this.#resampled, this.#resampler.flush());
    this.#resampled = null;
  }

  /**
   * @param {Outlet} outlet
   * @param {AudioPart} part
   * @param {Float32Array<ArrayBuffer>} samples
   */
  #give(outlet, part, samples) {
    this.#ledger.append(part, samples.length);
    outlet.append(samples);
  }

  #rememberCleared() {
    const waiting = this.#waiting.flatMap((one) => ('part' in one ? [one.part.responseId] : []));
    for (const id of [...this.#ledger.responses, ...waiting]) this.#cleared.add(id);
    for (const id of [...this.#cleared].slice(0, -KEPT_CLEARED)) this.#cleared.delete(id);
  }
}

/**
 * @param {Waiting} what
 * @param {number} samples How many of its last ones are wanted, at 24000 Hz.
 * @returns {Waiting}
 */
function restOf(what, samples) {
  if ('ended' in what || samples >= what.pcm.length) return what;
  return { part: what.part, pcm: what.pcm.subarray(what.pcm.length - Math.max(0, Math.round(samples))) };
}

/** What a loudspeaker needs to play audio that comes as events. Calls need none of it, so it is not loaded for them. */
export const PLAYBACK = { newQueue: () => new PlaybackQueue(), prepareOutlet, openOutlet };
