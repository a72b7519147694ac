// Asks the browser for the microphone.

import { ProblemError } from '../problems.js';
import { isDeviceGone, problemBefore, problemFrom, surroundings } from './microphone-problems.js';

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
  const page = surroundings();
  const before = problemBefore(page);
  if (before) throw before;
  const began = performance.now();
  try {
    return await unlessAborted(getAudio(options), signal);
  } catch (error) {
    if (signal?.aborted || error instanceof ProblemError) throw error;
    throw problemFrom(error, page, performance.now() - began);
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
    if (!options.deviceId || !isDeviceGone(error)) throw error;
    // Chosen once, unplugged since, or (Safari) known by another id in this visit.
    return navigator.mediaDevices.getUserMedia(constraintsFor({ ...options, deviceId: '' }));
  }
}

/**
 * @param {Promise<MediaStream>} asked
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<MediaStream>}
 */
async function unlessAborted(asked, signal) {
  if (!signal) return asked;
  /** @type {Promise<never>} */
  const aborted = new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([aborted, asked]);
  } catch (error) {
    asked.then(stopTracks, () => undefined);
    throw error;
  }
}

/** @param {MediaStream} stream */
export function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
