// The two ways of playing a stream of samples in an AudioContext, and their clock.

/** @typedef {import('./playback-ledger.js').PlaybackReport} PlaybackReport */

/**
 * What a playback queue plays through.
 *
 * @typedef {object} Outlet
 * @property {number} rate Of frames, in Hz.
 * @property {number} heardFrame The frame of the context's clock that is heard now.
 * @property {number} underruns How often it ran dry in the middle of a response.
 * @property {(samples: Float32Array<ArrayBuffer>) => void} append
 * @property {() => void} end Nothing is to be waited for any more.
 * @property {() => void} clear Silence at once; positions begin at 0 again.
 * @property {() => void} close
 */

/**
 * Told at each change, and without a report whenever it is time to look at the clock.
 *
 * @callback OnReport
 * @param {PlaybackReport | null} report
 */

// Enough for the jitter of deltas that are sent as they are made, not enough to be noticed.
const START_SECONDS = 0.06;
// What is shorter than that, and is not told to be all, does not wait forever.
const LONGEST_WAIT_SECONDS = 0.2;
const FADE_SECONDS = 0.005;
const MODULE = new URL('./worklets/playback-worklet.js', import.meta.url);

/**
 * Let a context know the worklet of outlets; once is enough, but more do no harm.
 *
 * @param {AudioContext} context
 */
export async function prepareOutlet(context) {
  await context.audioWorklet?.addModule(MODULE);
}

/**
 * @param {AudioContext} context Prepared, if it has worklets.
 * @param {readonly AudioNode[]} targets
 * @param {OnReport} onReport
 * @returns {Outlet}
 */
export function openOutlet(context, targets, onReport) {
  return context.audioWorklet
    ? new WorkletOutlet(context, targets, onReport)
    : new BufferOutlet(context, targets, onReport);
}

// Firefox asks its sound server for the latency while it holds a lock that its audio thread waits for, with the sound server waiting for
// that one: on Linux, pages that ask now and then hang for good. So it is never asked; this much is usual there.
const ASKING_HANGS = 'mozInnerScreenX' in globalThis;
const USUAL_SECONDS = 0.04;

/**
 * How long it takes from the context's clock to the ear, as far as the browser knows.
 *
 * @param {{ baseLatency?: number, outputLatency?: number }} context Safari before 18 has no outputLatency; elsewhere it is NaN or 0 until
 *   audio flows.
 * @param {boolean} [askingHangs] Whether outputLatency must not be looked at.
 * @returns {number} In seconds; a second at most, for there is no such output: then the number is wrong.
 */
export function outputLatency(context, askingHangs = ASKING_HANGS) {
  const base = sane(context.baseLatency);
  const output = askingHangs ? USUAL_SECONDS : sane(context.outputLatency);
  return base + output <= 1 ? base + output : base;
}

/** @param {number | undefined} seconds */
function sane(seconds) {
  return seconds !== undefined && seconds > 0 && seconds <= 1 ? seconds : 0;
}

/** @param {AudioContext} context */
function heardFrame(context) {
  return Math.max(0, context.currentTime - outputLatency(context)) * context.sampleRate;
}

/** @implements {Outlet} */
class WorkletOutlet {
  #context;
  #node;
  #onReport;
  #epoch = 0;
  underruns = 0;

  /**
   * @param {AudioContext} context
   * @param {readonly AudioNode[]} targets
   * @param {OnReport} onReport
   */
  constructor(context, targets, onReport) {
    this.#context = context;
    this.#onReport = onReport;
    this.#node = new AudioWorkletNode(context, 'antiphon-playback', {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: {
        startSeconds: START_SECONDS,
        longestWaitSeconds: LONGEST_WAIT_SECONDS,
        fadeSeconds: FADE_SECONDS,
      },
    });
    this.#node.port.onmessage = ({ data }) => this.#receive(data);
    for (const target of targets) this.#node.connect(target);
  }

  get rate() {
    return this.#context.sampleRate;
  }

  get heardFrame() {
    return heardFrame(this.#context);
  }

  /** @param {Float32Array<ArrayBuffer>} samples */
  append(samples) {
    this.#node.port.postMessage({ type: 'append', samples }, [samples.buffer]);
  }

  end() {
    this.#node.port.postMessage({ type: 'end' });
  }

  clear() {
    // What was on its way when it was cleared is known by its epoch.
    this.#epoch += 1;
    this.#node.port.postMessage({ type: 'clear', epoch: this.#epoch });
  }

  close() {
    this.#node.port.postMessage({ type: 'close' });
    this.#node.port.onmessage = null;
    this.#node.disconnect();
  }

  /** @param {PlaybackReport & { epoch: number, underruns: number }} report */
  #receive(report) {
    this.underruns = report.underruns;
    if (report.epoch === this.#epoch) this.#onReport(report);
  }
}

// Time for the context to take notice of a source before its start.
const SCHEDULE_SECONDS = 0.02;
const TICK_MS = 20;

/**
 * For pages without AudioWorklet (plain http from another host): each part is a node of its own, put on the context's clock sample by
 * sample. What was scheduled is the clock.
 *
 * @implements {Outlet}
 */
export class BufferOutlet {
  #context;
  #targets;
  #onReport;
  #gain;
  /** @type {Float32Array<ArrayBuffer>[]} */
  #waiting = [];
  #waitingFrames = 0;
  #waitingSince = 0;
  #ended = false;
  /** Whether what was scheduled is all of a response, so that running dry is right. */
  #complete = false;
  #position = 0;
  /** The frame at which what was scheduled is over; null before the first. @type {number | null} */
  #dryFrame = null;
  /** @type {ReturnType<typeof setInterval>} */
  #timer;
  underruns = 0;

  /**
   * @param {AudioContext} context
   * @param {readonly AudioNode[]} targets
   * @param {OnReport} onReport
   */
  constructor(context, targets, onReport) {
    this.#context = context;
    this.#targets = targets;
    this.#onReport = onReport;
    this.#gain = this.#openGain();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get rate() {
    return this.#context.sampleRate;
  }

  get heardFrame() {
    return heardFrame(this.#context);
  }

  /** @param {Float32Array<ArrayBuffer>} samples */
  append(samples) {
    if (!samples.length) return;
    if (!this.#waitingFrames) this.#waitingSince = this.#context.currentTime;
    this.#waiting.push(samples);
    this.#waitingFrames += samples.length;
    this.#ended = false;
    this.#schedule();
  }

  end() {
    this.#ended = this.#complete = true;
    this.#schedule();
  }

  clear() {
    const gain = this.#gain;
    gain.gain.setValueAtTime(1, this.#context.currentTime);
    gain.gain.linearRampToValueAtTime(0, this.#context.currentTime + FADE_SECONDS);
    setTimeout(() => gain.disconnect(), 100);
    this.#gain = this.#openGain();
    this.#waiting = [];
    this.#waitingFrames = this.#position = 0;
    this.#dryFrame = null;
    this.#ended = false;
  }

  close() {
    clearInterval(this.#timer);
    this.clear();
  }

  #openGain() {
    const gain = this.#context.createGain();
    for (const target of this.#targets) gain.connect(target);
    return gain;
  }

  #tick() {
    this.#schedule();
    this.#onReport(null);
  }

  #schedule() {
    if (!this.#waitingFrames) return;
    const soonest = Math.ceil((this.#context.currentTime + SCHEDULE_SECONDS) * this.rate);
    const goesOn = this.#dryFrame !== null && this.#dryFrame >= soonest;
    if (!goesOn && !this.#mayStart()) return;
    const begin = goesOn ? /** @type {number} */ (this.#dryFrame) : this.#restart(soonest);
    this.#dryFrame = this.#waiting.reduce((frame, samples) => this.#place(samples, frame), begin);
    this.#waiting = [];
    this.#waitingFrames = 0;
    this.#complete = this.#ended;
  }

  #mayStart() {
    const waited = this.#context.currentTime - this.#waitingSince;
    return this.#ended || this.#waitingFrames >= START_SECONDS * this.rate || waited >= LONGEST_WAIT_SECONDS;
  }

  /** @param {number} frame */
  #restart(frame) {
    if (this.#dryFrame !== null) {
      if (!this.#complete) this.underruns += 1;
      this.#onReport({ frame: this.#dryFrame, position: this.#position, playing: false });
    }
    this.#onReport({ frame, position: this.#position, playing: true });
    return frame;
  }

  /**
   * @param {Float32Array<ArrayBuffer>} samples
   * @param {number} frame
   * @returns {number} The frame behind it.
   */
  #place(samples, frame) {
    const buffer = this.#context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#gain);
    source.onended = () => source.disconnect();
    source.start(frame / this.rate);
    this.#position += samples.length;
    return frame + samples.length;
  }
}
