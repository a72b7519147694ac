// Asks the browser for the microphone.

import { unlessAborted } from '../clock.js';
import { ProblemError } from '../problems.js';

/** @typedef {import('../types.js').MicrophoneOptions} MicrophoneOptions */

/**
 * @param {MicrophoneOptions} options
 * @returns {MediaStreamConstraints}
 */
export function constraintsFor({ deviceId, echoCancellation, noiseSuppression, autoGainControl }) {
  return {
    audio: {
      // As an ideal, a device that is gone would be replaced without a word.
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
      echoCancellation: echoCancellation ?? true,
      noiseSuppression: noiseSuppression ?? true,
      autoGainControl: autoGainControl ?? true,
      channelCount: { ideal: 1 },
    },
  };
}

/**
 * @param {MicrophoneOptions} options
 * @param {AbortSignal} [signal] Ends the wait for a user who does not answer; what comes later is stopped.
 * @returns {Promise<MediaStream>}
 * @throws {ProblemError} Or the signal's reason.
 */
export async function requestMicrophone(options, signal) {
  const began = performance.now();
  const asked = getAudio(options);
  try {
    return await (signal ? unlessAborted(asked, signal) : asked);
  } catch (error) {
    asked.then(stopTracks, () => undefined);
    if (signal?.aborted) throw error;
    throw await explained(error, performance.now() - began);
  }
}

// Most are not refused, so what it means is loaded when somebody is.
const problems = () => import('./microphone-problems.js');

/**
 * @param {unknown} error What the browser said, which has nothing to ask in a page that is not secure.
 * @param {number} elapsedMs
 * @returns {Promise<ProblemError>}
 */
async function explained(error, elapsedMs) {
  try {
    const { problemBefore, problemFrom, surroundings } = await problems();
    const page = surroundings();
    return problemBefore(page) ?? problemFrom(error, page, elapsedMs);
  } catch {
    return new ProblemError('microphone_failed', String(error), { cause: error });
  }
}

/**
 * @param {MicrophoneOptions} options
 * @returns {Promise<MediaStream>}
 */
async function getAudio(options) {
  try {
    return await navigator.mediaDevices.getUserMedia(constraintsFor(options));
  } catch (error) {
    if (!options.deviceId || !(await problems()).isDeviceGone(error)) throw error;
    // Chosen once, unplugged since, or (Safari) known by another id in this visit.
    return navigator.mediaDevices.getUserMedia(constraintsFor({ ...options, deviceId: '' }));
  }
}

/** @param {MediaStream} stream */
export function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
