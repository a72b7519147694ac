// The user's microphone, or a stream of the page in its place.

import { onAbort } from '../clock.js';
import { ProblemError } from '../problems.js';
import { useMicrophone } from './audio-session.js';
import { MicrophoneTap } from './levels.js';
import { requestMicrophone, stopTracks } from './microphone-request.js';
import { watchMicrophone } from './microphone-watch.js';

/** @typedef {import('../types.js').MicrophoneOptions} MicrophoneOptions */
/** @typedef {import('../problems.js').Problem} Problem */
/** @typedef {import('./capture.js').OpenCapture} OpenCapture */

/**
 * One who hears the microphone's samples.
 *
 * @typedef {object} Capture
 * @property {(pcm: Int16Array<ArrayBuffer>) => void} onPcm
 * @property {number} ms
 * @property {OpenCapture} open
 * @property {() => void} stop
 */

/**
 * Events: `trackchange` (it has another track), `problem` (detail: Problem; what is told again replaces what was told before), `recovered`
 * (what was told last is over).
 */
export class Microphone extends EventTarget {
  /** @type {MicrophoneOptions | null} Null for a stream of the page. */
  #options;
  #stream;
  #track;
  #muted = false;
  #enabledBefore;
  /** @type {MicrophoneTap | null} */
  #tap = null;
  /** @type {Set<Capture>} */
  #captures = new Set();
  /** Of what belongs to the track that is in use. */
  #trackEnd = new AbortController();
  #end = new AbortController();
  #release;
  /** @type {AbortController | null} Of the change that is under way. */
  #change = null;
  /** Whether a problem was told that is not over. */
  #told = false;

  /**
   * @param {MicrophoneOptions | MediaStream} options A stream of the page is used as it is, and never stopped.
   * @param {{ signal?: AbortSignal }} [wait] Ends the wait for the user's answer.
   * @returns {Promise<Microphone>}
   * @throws {ProblemError} Or the signal's reason.
   */
  static async open(options, { signal } = {}) {
    signal?.throwIfAborted();
    const release = useMicrophone();
    try {
      const own = isStream(options) ? null : options;
      const stream = isStream(options) ? options : await requestMicrophone(options, signal);
      return new Microphone(own, stream, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Use `open`.
   *
   * @param {MicrophoneOptions | null} options
   * @param {MediaStream} stream
   * @param {() => void} release
   */
  constructor(options, stream, release) {
    super();
    this.#options = options;
    this.#stream = stream;
    this.#track = audioTrack(stream);
    this.#enabledBefore = this.#track.enabled;
    this.#release = release;
    const { signal } = this.#end;
    const devices = globalThis.navigator?.mediaDevices;
    devices?.addEventListener?.('devicechange', () => this.#checkDevice(), { signal });
    this.#attend();
  }

  get track() {
    return this.#track;
  }

  get stream() {
    return this.#stream;
  }

  /** '' where the browser does not tell. */
  get deviceId() {
    return this.#track.getSettings?.().deviceId ?? '';
  }

  get label() {
    return this.#track.label;
  }

  /** By the page; a muted microphone stays open, and gives silence. */
  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    if (muted === this.#muted) return; // the page may have muted its own track
    this.#muted = muted;
    this.#track.enabled = !muted;
  }

  /** @returns {number} 0..1 */
  level() {
    return this.#tap?.meter.level() ?? 0;
  }

  /**
   * Take another device, or a stream of the page. What is chosen last is taken.
   *
   * @param {MicrophoneOptions | MediaStream} options
   * @param {{ signal?: AbortSignal }} [wait]
   * @throws {ProblemError} Then what was in use goes on. A DOMException `AbortError` when something else was chosen meanwhile.
   */
  async use(options, { signal } = {}) {
    this.#change?.abort();
    const change = (this.#change = new AbortController());
    const unlink = signal && onAbort(signal, () => change.abort(signal.reason));
    try {
      const stream = isStream(options) ? options : await this.#request(options, change.signal);
      if (change.signal.aborted && !isStream(options)) stopTracks(stream);
      change.signal.throwIfAborted();
      this.#take(stream, isStream(options) ? null : options);
    } finally {
      unlink?.();
      if (this.#change === change) this.#change = null;
    }
  }

  /**
   * Hear its samples; another device is heard on.
   *
   * @param {(pcm: Int16Array<ArrayBuffer>) => void} onPcm PCM16, mono, 24000 Hz; the array is the receiver's own.
   * @param {{ ms: number, open: OpenCapture }} how The length of what is given at once, and `openCapture`: calls need none of it, so
   *   it is not loaded for them.
   * @returns {Promise<() => void>} Stops it.
   */
  async capture(onPcm, { ms, open }) {
    /** @type {Capture} */
    const capture = { onPcm, ms, open, stop: () => undefined };
    this.#captures.add(capture);
    try {
      await this.#attach(capture);
    } catch (error) {
      this.#captures.delete(capture);
      throw error;
    }
    return () => {
      this.#captures.delete(capture);
      detach(capture);
    };
  }

  /** Who opens a stream stops it: the page's own goes on, as loud as it was. */
  close() {
    this.#end.abort();
    this.#leaveTrack();
    this.#tap?.close();
    this.#tap = null;
    this.#captures.clear();
    if (this.#options) stopTracks(this.#stream);
    else this.#track.enabled = this.#enabledBefore;
    this.#release();
  }

  /** Watch the track that is in use, and listen to it. */
  #attend() {
    this.#trackEnd = new AbortController();
    const { signal } = this.#trackEnd;
    this.#track.addEventListener('ended', () => this.#recover(), { signal });
    this.#track.enabled = !this.#muted && this.#track.enabled;
    this.#tap = openTap(this.#stream);
    const stop = watchMicrophone(
      () => this.#look(),
      (problem) => this.#tell(problem),
    );
    signal.addEventListener('abort', stop);
    for (const capture of this.#captures) this.#attach(capture).catch((error) => this.#fail(error));
  }

  #leaveTrack() {
    this.#trackEnd.abort();
    for (const capture of this.#captures) detach(capture);
  }

  /** @param {Capture} capture */
  async #attach(capture) {
    const tap = this.#tap;
    if (!tap) throw new ProblemError('microphone_failed', 'this browser has no AudioContext');
    const stop = await capture.open(tap.source, capture.onPcm, capture.ms);
    if (this.#captures.has(capture) && tap === this.#tap) capture.stop = stop;
    else stop();
  }

  /** @returns {import('./microphone-watch.js').Look} */
  #look() {
    return {
      muted: this.#track.muted && !this.#change,
      enabled: this.#track.enabled,
      running: this.#tap?.running ?? true,
      zeros: this.#tap?.meter.isDigitalSilence() ?? false,
    };
  }

  /**
   * Ask for another device while one is open.
   *
   * @param {MicrophoneOptions} options
   * @param {AbortSignal} [signal]
   * @returns {Promise<MediaStream>}
   */
  async #request(options, signal) {
    try {
      return await requestMicrophone(options, signal);
    } catch (error) {
      if (!this.#options || !(error instanceof ProblemError) || error.code !== 'microphone_busy') throw error;
      return this.#requestAlone(options, signal);
    }
  }

  /**
   * Some browsers and drivers open one microphone at a time.
   *
   * @param {MicrophoneOptions} options
   * @param {AbortSignal} [signal]
   */
  async #requestAlone(options, signal) {
    const before = { ...this.#options, deviceId: this.deviceId };
    stopTracks(this.#stream);
    try {
      return await requestMicrophone(options, signal);
    } catch (error) {
      this.#take(await requestMicrophone(before, signal), before);
      throw error;
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {MicrophoneOptions | null} options
   */
  #take(stream, options) {
    if (this.#end.signal.aborted) {
      if (options) stopTracks(stream);
      return;
    }
    const track = audioTrack(stream);
    const tap = this.#tap;
    this.#leaveTrack();
    // Safari mutes a track when the next one is asked for, for good: it cannot be kept for a way back.
    if (this.#options) stopTracks(this.#stream);
    else this.#track.enabled = this.#enabledBefore;
    [this.#stream, this.#track, this.#options] = [stream, track, options];
    this.#enabledBefore = track.enabled;
    this.#attend();
    tap?.close(); // behind the next one's beginning: Firefox needs two seconds to start its audio anew
    this.#tell(null);
    this.dispatchEvent(new Event('trackchange'));
  }

  /** The device is gone: take the default one, once. */
  async #recover() {
    if (this.#change || this.#end.signal.aborted) return;
    if (!this.#options) return this.#giveUp();
    try {
      await this.use({ ...this.#options, deviceId: '' }, { signal: this.#end.signal });
    } catch (error) {
      // Else something else was chosen.
      if (error instanceof ProblemError) this.#giveUp();
    }
  }

  #giveUp() {
    if (this.#end.signal.aborted) return;
    this.#trackEnd.abort(); // that it is silent now is no news
    this.#tell({ code: 'microphone_ended', detail: this.label });
  }

  /** Not every browser ends the track of a device that was unplugged. */
  async #checkDevice() {
    const { deviceId } = this;
    if (!this.#options || !deviceId) return;
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const inputs = devices.filter((one) => one.kind === 'audioinput' && one.deviceId !== '');
    if (!inputs.length || deviceId !== this.deviceId) return;
    if (!inputs.some((one) => one.deviceId === deviceId)) await this.#recover();
  }

  /** @param {unknown} error */
  #fail(error) {
    const { problem } = error instanceof ProblemError ? error : new ProblemError('microphone_failed', String(error));
    this.#tell(problem);
  }

  /** @param {Problem | null} problem Null when all is well again. */
  #tell(problem) {
    if (problem) this.dispatchEvent(new CustomEvent('problem', { detail: problem }));
    else if (this.#told) this.dispatchEvent(new Event('recovered'));
    this.#told = problem !== null;
  }
}

/** @param {Capture} capture */
function detach(capture) {
  capture.stop();
  capture.stop = () => undefined;
}

/**
 * @param {MicrophoneOptions | MediaStream} options
 * @returns {options is MediaStream} Also for streams of another frame, which are no instance of this one's class.
 */
function isStream(options) {
  return 'getAudioTracks' in options;
}

/** @param {MediaStream} stream */
function audioTrack(stream) {
  const track = stream.getAudioTracks()[0];
  if (!track) throw new ProblemError('microphone_missing', 'the stream has no audio track');
  return track;
}

/**
 * @param {MediaStream} stream
 * @returns {MicrophoneTap | null} Null where there is no WebAudio: media can be sent, but not looked at.
 */
function openTap(stream) {
  try {
    return new MicrophoneTap(stream);
  } catch {
    return null;
  }
}
