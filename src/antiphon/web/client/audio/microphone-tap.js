// Listens to a microphone's stream inside the page: its level, and its samples.

import { ProblemError } from '../problems.js';
import { createAnalyser, LevelMeter } from './levels.js';
import { Chunker, RATE, Resampler, toInt16 } from './pcm.js';
import { ContextKeeper } from './sound-context.js';

const MODULE = new URL('./worklets/capture-worklet.js', import.meta.url);
// What a worklet posts at once: short, so that no chunk waits long for its last part.
const PART_SECONDS = 0.01;

/**
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

  /** Of the context, in Hz. */
  get rate() {
    return this.#context.sampleRate;
  }

  get running() {
    return this.#context.state === 'running';
  }

  get meter() {
    return this.#meter;
  }

  /**
   * @param {(pcm: Int16Array<ArrayBuffer>) => void} onPcm
   * @param {number} ms
   * @returns {Promise<() => void>} Stops it.
   */
  async capture(onPcm, ms) {
    if (!this.#context.audioWorklet) {
      throw new ProblemError('insecure_context', 'without a secure context there is no AudioWorklet to hear with');
    }
    await this.#loadModule();
    const resampler = new Resampler(this.rate, RATE);
    const chunker = new Chunker(Math.round((RATE * ms) / 1000), onPcm);
    const node = this.#openNode();
    node.port.onmessage = ({ data }) => chunker.push(toInt16(resampler.process(data)));
    return () => this.#closeNode(node);
  }

  close() {
    this.#source.disconnect();
    this.#keeper.close();
  }

  async #loadModule() {
    try {
      await this.#context.audioWorklet.addModule(MODULE);
    } catch (error) {
      throw new ProblemError('microphone_failed', `${MODULE} did not load: ${error}`, { cause: error });
    }
  }

  #openNode() {
    const node = new AudioWorkletNode(this.#context, 'antiphon-capture', {
      channelCount: 1,
      channelCountMode: 'explicit',
      outputChannelCount: [1],
      processorOptions: { frames: Math.round(this.rate * PART_SECONDS) },
    });
    this.#source.connect(node);
    // It gives out silence; nodes that lead nowhere are not run by every browser.
    node.connect(this.#context.destination);
    return node;
  }

  /** @param {AudioWorkletNode} node */
  #closeNode(node) {
    node.port.onmessage = null;
    node.port.postMessage('stop');
    this.#source.disconnect(node);
    node.disconnect();
  }
}
