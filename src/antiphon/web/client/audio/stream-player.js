// An <audio> element that keeps playing a stream.

import { onGesture } from './sound-context.js';

/** @typedef {{ onBlocked?: () => void, onPlaying?: () => void, onFailed?: (detail: string) => void }} PlayerListener */

export class StreamPlayer {
  #element;
  #listener;
  /** @type {MediaStream | null} */
  #stream = null;
  #blocked = false;
  #end = new AbortController();

  /** @param {PlayerListener} listener */
  constructor(listener) {
    this.#listener = listener;
    this.#element = document.createElement('audio');
    this.#element.autoplay = true;
    // iOS would show a player over the whole screen; the property is missing from some typings of audio elements.
    this.#element.setAttribute('playsinline', '');
    const { signal } = this.#end;
    // Nobody here pauses it while it has a stream: calls on iOS, and headsets that are unplugged, do.
    this.#element.addEventListener('pause', () => this.#goOn(), { signal });
    this.#element.addEventListener('playing', () => this.#sounds(), { signal });
    document.addEventListener('visibilitychange', () => this.#goOn(), { signal });
    onGesture(() => this.#goOn(), signal);
  }

  /** What it plays. */
  get stream() {
    return this.#stream;
  }

  /** Play nothing in a gesture: Safari then lets this very element play later. */
  unlock() {
    if (this.#stream) return this.#goOn();
    this.#element.srcObject = new MediaStream();
    this.#element.play().catch(() => undefined); // an empty stream never plays; that it was asked for is what counts
  }

  /** @param {MediaStream} stream */
  play(stream) {
    this.#stream = stream;
    if (this.#element.srcObject !== stream) this.#element.srcObject = stream;
    this.#try();
  }

  stop() {
    this.#stream = null;
    this.#blocked = false;
    this.#element.srcObject = null;
  }

  /**
   * @param {string} deviceId '' for the default one.
   * @throws Where the browser does not let pages choose, or the device is gone.
   */
  async use(deviceId) {
    const element = /** @type {{ setSinkId?: (id: string) => Promise<void> }} */ (this.#element);
    if (!element.setSinkId && !deviceId) return;
    if (!element.setSinkId) throw new Error('this browser lets no page choose the loudspeaker');
    // Chromium aborts the change for a stream that is there and does not sound yet.
    this.#element.srcObject = null;
    try {
      await element.setSinkId(deviceId);
    } finally {
      if (this.#stream) this.play(this.#stream);
    }
  }

  close() {
    this.#end.abort();
    this.stop();
  }

  #goOn() {
    if (this.#stream && this.#element.paused && document.visibilityState === 'visible') this.#try();
  }

  #try() {
    this.#element.play().catch((error) => this.#refused(error));
  }

  /** @param {unknown} error */
  #refused(error) {
    const { name, message } = /** @type {{ name?: string, message?: string }} */ (error);
    // AbortError: another stream came, or none any more.
    if (!this.#stream || name === 'AbortError') return;
    if (name !== 'NotAllowedError') return this.#listener.onFailed?.(`${name}: ${message}`);
    if (!this.#blocked) this.#listener.onBlocked?.();
    this.#blocked = true;
  }

  #sounds() {
    if (this.#blocked) this.#listener.onPlaying?.();
    this.#blocked = false;
  }
}
