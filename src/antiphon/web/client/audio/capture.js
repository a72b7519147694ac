// The samples of a microphone, for the steps that send them as events.

import { ProblemError } from '../problems.js';
import { Chunker, RATE, Resampler, toInt16 } from './pcm.js';

const MODULE = new URL('./worklets/capture-worklet.js', import.meta.url);
// What a worklet posts at once: short, so that no chunk waits long for its last part.
const PART_SECONDS = 0.01;

/** @typedef {typeof openCapture} OpenCapture */

/**
 * @param {MediaStreamAudioSourceNode} source
 * @param {(pcm: Int16Array<ArrayBuffer>) => void} onPcm
 * @param {number} ms
 * @returns {Promise<() => void>} Stops it.
 * @throws {ProblemError}
 */
export async function openCapture(source, onPcm, ms) {
  const context = /** @type {AudioContext} */ (source.context);
  await loadModule(context);
  const resampler = new Resampler(context.sampleRate, RATE);
  const chunker = new Chunker(Math.round((RATE * ms) / 1000), onPcm);
  const node = openNode(source);
  node.port.onmessage = ({ data }) => chunker.push(toInt16(resampler.process(data)));
  return () => {
    node.port.onmessage = null;
    node.port.postMessage('stop');
    source.disconnect(node);
    node.disconnect();
  };
}

/** @param {AudioContext} context */
async function loadModule({ audioWorklet }) {
  if (!audioWorklet) {
    throw new ProblemError('insecure_context', 'without a secure context there is no AudioWorklet to hear with');
  }
  try {
    await audioWorklet.addModule(MODULE);
  } catch (error) {
    throw new ProblemError('microphone_failed', `${MODULE} did not load: ${error}`, { cause: error });
  }
}

/** @param {MediaStreamAudioSourceNode} source */
function openNode(source) {
  const node = new AudioWorkletNode(source.context, 'antiphon-capture', {
    channelCount: 1,
    channelCountMode: 'explicit',
    outputChannelCount: [1],
    processorOptions: { frames: Math.round(source.context.sampleRate * PART_SECONDS) },
  });
  source.connect(node);
  // It gives out silence; nodes that lead nowhere are not run by every browser.
  node.connect(source.context.destination);
  return node;
}
