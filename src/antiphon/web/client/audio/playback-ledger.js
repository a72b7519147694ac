// What was heard of what was given to play: the bookkeeping of the playback queue. Pure: positions and clocks come in.
//
// Positions count frames that were played since the last clear; `frame` counts the frames of the context's clock, which goes on in
// silence, too. Reports join the two.

/**
 * A content part of an item, whose audio is played.
 *
 * @typedef {{ responseId: string, itemId: string, contentIndex: number }} AudioPart
 */

/** @typedef {AudioPart & { playedMs: number }} PlayedPart */

/**
 * From `frame` on, playback was at `position`, and went on or stood still.
 *
 * @typedef {{ frame: number, position: number, playing: boolean }} PlaybackReport
 */

/** @typedef {{ type: 'started' | 'stopped', responseId: string }} PlaybackEvent */

/**
 * A stretch of one part's audio.
 *
 * @typedef {object} Segment
 * @property {AudioPart} part
 * @property {number} start Its first frame's position.
 * @property {number} frames
 */

// Reports are looked up by what is heard now, which lags behind by the output's latency: a second at most.
const KEPT_REPORTS = 200;
// Responses that were said to have ended, and are still heard.
const KEPT_ENDS = 32;

/** @type {PlaybackReport} */
const BEGINNING = { frame: -Infinity, position: 0, playing: false };

export class PlaybackLedger {
  #rate;
  /** @type {Segment[]} Those that are not yet heard to their end, and the last one of a response that may go on. */
  #segments = [];
  /** @type {PlaybackReport[]} */
  #reports = [BEGINNING];
  #appended = 0;
  /** @type {Set<string>} */
  #ended = new Set();
  /** @type {string | null} The response that is heard. */
  #sounding = null;

  /** @param {number} rate Of frames, in Hz. */
  constructor(rate) {
    this.#rate = rate;
  }

  /**
   * @param {AudioPart} part
   * @param {number} frames
   */
  append(part, frames) {
    if (!frames) return;
    this.#ended.delete(part.responseId);
    const last = this.#segments.at(-1);
    if (last && samePart(last.part, part)) last.frames += frames;
    else this.#segments.push({ part, start: this.#appended, frames });
    this.#appended += frames;
  }

  /** @param {string} responseId No more of it will be appended. */
  end(responseId) {
    this.#ended.add(responseId);
    if (this.#ended.size > KEPT_ENDS) this.#ended.delete(/** @type {string} */ (this.#ended.values().next().value));
  }

  /** @param {PlaybackReport} report In the order of `frame`. */
  report(report) {
    this.#reports.push(report);
    if (this.#reports.length > KEPT_REPORTS) this.#reports.shift();
  }

  /** How much was appended. */
  get appended() {
    return this.#appended;
  }

  /**
   * @param {number} heardFrame
   * @returns {number} The position that is heard then.
   */
  heard(heardFrame) {
    const report = this.#reports.findLast((one) => one.frame <= heardFrame) ?? BEGINNING;
    const since = report.playing ? heardFrame - report.frame : 0;
    return Math.min(this.#appended, report.position + since);
  }

  /**
   * How much of what was appended is not heard yet.
   *
   * @param {number} heardFrame
   * @returns {number} In frames.
   */
  ahead(heardFrame) {
    return this.#appended - this.heard(heardFrame);
  }

  /**
   * Move on to what is heard now.
   *
   * @param {number} heardFrame The frame of the context's clock that is heard.
   * @returns {PlaybackEvent[]} What happened since.
   */
  advance(heardFrame) {
    const heard = this.heard(heardFrame);
    /** @type {PlaybackEvent[]} */
    const events = [];
    for (let segment = this.#segments[0]; segment && heard > segment.start; segment = this.#segments[0]) {
      this.#sound(segment.part.responseId, events);
      if (!this.#isOver(segment, heard)) break;
      this.#segments.shift();
    }
    if (!this.#segments.length) this.#sound(null, events);
    return events;
  }

  /**
   * @param {number} heardFrame
   * @returns {PlayedPart | null} What is playing, or would be if its audio had come in time.
   */
  playing(heardFrame) {
    const heard = this.heard(heardFrame);
    const segment = this.#segments.find((one) => !this.#isOver(one, heard));
    if (!segment) return null;
    const frames = Math.min(segment.frames, Math.max(0, heard - segment.start));
    return { ...segment.part, playedMs: Math.floor((frames * 1000) / this.#rate) };
  }

  /** @returns {string[]} The responses that are not heard to their end. */
  get responses() {
    return this.#segments.map((segment) => segment.part.responseId);
  }

  /**
   * The context is gone, and what was not heard will be appended again, for another one: positions begin at 0 there.
   *
   * @param {number} heardFrame
   */
  rewind(heardFrame) {
    const heard = this.heard(heardFrame);
    this.#segments = this.#segments
      .filter(({ start }) => start < heard)
      .map(({ part, start, frames }) => ({ part, start: start - heard, frames: Math.min(frames, heard - start) }));
    this.#reports = [BEGINNING];
    this.#appended = 0;
    this.#ended.clear();
  }

  /** @param {number} rate Of the frames from now on, with nothing appended that was not heard. */
  use(rate) {
    const scale = rate / this.#rate;
    for (const segment of this.#segments) {
      segment.start *= scale;
      segment.frames *= scale;
    }
    this.#rate = rate;
  }

  /** Forget all that was appended; positions begin at 0 again. */
  clear() {
    this.#segments = [];
    this.#reports = [BEGINNING];
    this.#appended = 0;
    this.#sounding = null;
  }

  /**
   * @param {Segment} segment
   * @param {number} heard
   */
  #isOver(segment, heard) {
    const goesOn = segment === this.#segments.at(-1) && !this.#ended.has(segment.part.responseId);
    return !goesOn && heard >= segment.start + segment.frames;
  }

  /**
   * @param {string | null} responseId
   * @param {PlaybackEvent[]} events
   */
  #sound(responseId, events) {
    if (responseId === this.#sounding) return;
    if (this.#sounding !== null) events.push({ type: 'stopped', responseId: this.#sounding });
    if (responseId !== null) events.push({ type: 'started', responseId });
    this.#sounding = responseId;
  }
}

/**
 * @param {AudioPart} one
 * @param {AudioPart} other
 */
function samePart(one, other) {
  return one.responseId === other.responseId && one.itemId === other.itemId && one.contentIndex === other.contentIndex;
}
