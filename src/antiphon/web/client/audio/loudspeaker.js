// What the user hears: a stream of WebRTC, or the audio that comes as events.

import { ProblemError } from '../problems.js';
import { useLoudspeaker } from './audio-session.js';
import { createAnalyser, LevelMeter } from './levels.js';
import { ContextKeeper } from './sound-context.js';
import { StreamPlayer } from './stream-player.js';

/** @typedef {import('../problems.js').Problem} Problem */
/** @typedef {import('./playback-outlets.js').Outlet} Outlet */
/** @typedef {import('./playback-queue.js').PlaybackQueue} PlaybackQueue */
/** @typedef {typeof import('./playback-queue.js').PLAYBACK} Playback */

/** @typedef {AudioContext & { sinkId?: unknown, setSinkId?: (id: string) => Promise<void> }} SinkContext */

/**
 * The context and what hangs on it.
 *
 * @typedef {object} Stage
 * @property {SinkContext} context
 * @property {ContextKeeper} keeper
 * @property {AnalyserNode} analyser
 * @property {LevelMeter} meter
 * @property {GainNode} output Where the queue's sound goes.
 */

/**
 * Events: `problem` (detail: Problem) and `recovered`: `playback_blocked` is over.
 *
 * It has one AudioContext, at the device's own rate; the queue changes the rate itself. A context of 24000 Hz would be simpler, but Firefox
 * then refuses to listen to WebRTC's streams (for the level), Safari has played such contexts at the wrong speed when a Bluetooth headset
 * came, and every browser would convert anyway, with a quality and a delay that nobody tells.
 */
export class Loudspeaker extends EventTarget {
  /** @type {Stage | null} */
  #stage = null;
  /** The element that plays WebRTC's stream. */
  #player = new StreamPlayer({
    onBlocked: () => this.#blocked('stream'),
    onPlaying: () => this.#unblocked('stream'),
    onFailed: (detail) => this.#tell({ code: 'loudspeaker_failed', detail }),
  });
  /** Plays the queue where WebAudio cannot choose a device, and elements can (Firefox). @type {StreamPlayer | null} */
  #detour = null;
  /** @type {MediaStreamAudioSourceNode | null} */
  #heard = null;
  /** @type {PlaybackQueue | null} */
  #queue = null;
  /** @type {Playback | null} */
  #playback = null;
  /** @type {Outlet | null} */
  #outlet = null;
  #deviceId = '';
  /** @type {Set<string>} What waits for a gesture. */
  #waiting = new Set();
  #end = new AbortController();
  #release = () => {};

  constructor() {
    super();
    const devices = globalThis.navigator?.mediaDevices;
    devices?.addEventListener?.('devicechange', () => this.#checkDevice(), { signal: this.#end.signal });
  }

  /** The chosen output device; '' for the default one. */
  get deviceId() {
    return this.#deviceId;
  }

  /**
   * Get the browser's leave to sound: call it in the click, before anything else is awaited.
   *
   * Fulfilled when it is there, or was refused: then `problem` tells `playback_blocked`, and the next gesture tries again.
   */
  async unlock() {
    this.#player.unlock();
    await this.#open()?.keeper.resume();
  }

  /**
   * Play a remote stream until `stop`, or until the next one.
   *
   * @param {MediaStream} stream
   */
  play(stream) {
    // Chromium gives WebAudio the samples of a WebRTC stream only while an element plays it; and what elements play is surely
    // known to every browser's echo canceller.
    this.#player.play(stream);
    this.#listenTo(stream);
  }

  /** Silence: the stream is let go, what is queued is forgotten. */
  stop() {
    this.#player.stop();
    this.#heard?.disconnect();
    this.#heard = null;
    this.#queue?.clear();
  }

  /**
   * The queue for audio that comes as events; always the same one, so that a connection that comes back goes on in it.
   *
   * @param {Playback} playback
   * @returns {PlaybackQueue}
   */
  queue(playback) {
    if (this.#queue) return this.#queue;
    this.#playback = playback;
    this.#queue = playback.newQueue();
    this.#attach(this.#queue, playback);
    return this.#queue;
  }

  /** @returns {number} 0..1 */
  level() {
    return this.#stage?.meter.level() ?? 0;
  }

  /**
   * Play over another device.
   *
   * @param {string} deviceId '' for the default one.
   * @throws {ProblemError} `loudspeaker_failed`; then nothing has changed.
   */
  async use(deviceId) {
    const before = this.#deviceId;
    if (deviceId === before) return;
    try {
      this.#deviceId = deviceId;
      await this.#player.use(deviceId);
      await this.#route();
    } catch (error) {
      this.#deviceId = before;
      await this.#player.use(before).catch(() => undefined);
      throw new ProblemError('loudspeaker_failed', String(error), { cause: error });
    }
  }

  close() {
    this.#end.abort();
    this.stop();
    this.#outlet?.close();
    this.#outlet = this.#queue = null;
    this.#player.close();
    this.#detour?.close();
    this.#closeStage();
    this.#release();
  }

  /** @returns {Stage | null} Null where there is no WebAudio: streams play without it. */
  #open() {
    if (this.#stage || this.#end.signal.aborted || typeof AudioContext === 'undefined') return this.#stage;
    this.#release();
    this.#release = useLoudspeaker();
    this.#stage = this.#createStage(new AudioContext({ latencyHint: 'interactive' }));
    this.#route().catch((error) => this.#tell({ code: 'loudspeaker_failed', detail: String(error) }));
    return this.#stage;
  }

  /**
   * @param {SinkContext} context
   * @returns {Stage}
   */
  #createStage(context) {
    const keeper = new ContextKeeper(context, {
      onBlocked: () => this.#blocked('context'),
      onRunning: () => this.#unblocked('context'),
      onStalled: () => this.#reopen(),
    });
    const analyser = createAnalyser(context);
    const output = context.createGain();
    output.connect(context.destination);
    return { context, keeper, analyser, meter: new LevelMeter(analyser), output };
  }

  #closeStage() {
    this.#stage?.keeper.close();
    this.#stage = null;
  }

  /** A context that came back from the machine's sleep without its clock is of no use any more. */
  #reopen() {
    this.#queue?.detach();
    this.#outlet?.close();
    this.#outlet = null;
    this.#closeStage();
    this.#open()?.keeper.resume();
    if (this.#player.stream) this.#listenTo(this.#player.stream);
    if (this.#queue && this.#playback) this.#attach(this.#queue, this.#playback);
  }

  /** @param {MediaStream} stream */
  #listenTo(stream) {
    this.#heard?.disconnect();
    this.#heard = null;
    const stage = this.#open();
    if (!stage) return;
    this.#heard = stage.context.createMediaStreamSource(stream);
    this.#heard.connect(stage.analyser); // which leads nowhere: the element is what sounds
  }

  /**
   * @param {PlaybackQueue} queue
   * @param {Playback} playback
   */
  async #attach(queue, playback) {
    const stage = this.#open();
    try {
      if (!stage) throw new Error('this browser has no AudioContext');
      await playback.prepareOutlet(stage.context);
      if (queue !== this.#queue || stage !== this.#stage) return;
      this.#outlet = playback.openOutlet(stage.context, [stage.output, stage.analyser], (report) =>
        queue.report(report),
      );
      queue.attach(this.#outlet);
    } catch (error) {
      this.#tell({ code: 'loudspeaker_failed', detail: String(error) });
    }
  }

  /** Lead the queue's sound to the chosen device. */
  async #route() {
    const stage = this.#stage;
    if (!stage) return;
    if (stage.context.sinkId === this.#deviceId) return;
    if (stage.context.setSinkId) await stage.context.setSinkId(this.#deviceId);
    else if (this.#deviceId) await this.#takeDetour(stage);
    else this.#leaveDetour(stage);
  }

  /** @param {Stage} stage */
  async #takeDetour(stage) {
    const detour = (this.#detour ??= new StreamPlayer({}));
    await detour.use(this.#deviceId);
    const node = stage.context.createMediaStreamDestination();
    stage.output.disconnect();
    stage.output.connect(node);
    detour.play(node.stream);
  }

  /** @param {Stage} stage */
  #leaveDetour(stage) {
    this.#detour?.stop();
    stage.output.disconnect();
    stage.output.connect(stage.context.destination);
  }

  /** Elements whose device is gone fall silent in some browsers. */
  async #checkDevice() {
    if (!this.#deviceId) return;
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const outputs = devices.filter((one) => one.kind === 'audiooutput' && one.deviceId !== '');
    if (!outputs.length || outputs.some((one) => one.deviceId === this.#deviceId)) return;
    await this.use('').catch((error) => this.#tell(error.problem));
  }

  /** @param {string} what */
  #blocked(what) {
    this.#waiting.add(what);
    if (this.#waiting.size === 1) this.#tell({ code: 'playback_blocked', detail: 'the browser wants a gesture first' });
  }

  /** @param {string} what */
  #unblocked(what) {
    if (this.#waiting.delete(what) && !this.#waiting.size) this.dispatchEvent(new Event('recovered'));
  }

  /** @param {Problem} problem */
  #tell(problem) {
    if (!this.#end.signal.aborted) this.dispatchEvent(new CustomEvent('problem', { detail: problem }));
  }
}
