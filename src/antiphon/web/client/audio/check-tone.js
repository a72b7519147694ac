// A short pleasant tone, and whether a microphone hears it.

import { openCapture } from './capture.js';
import { RATE } from './pcm.js';
import { PLAYBACK } from './playback-queue.js';

/** @typedef {import('./loudspeaker.js').Loudspeaker} Loudspeaker */
/** @typedef {import('./microphone.js').Microphone} Microphone */

// A fifth, one note after the other, falling away like a struck bar.
const NOTES = [
  { hz: 660, at: 0 },
  { hz: 990, at: 0.22 },
];
const SECONDS = 0.9;
const AMPLITUDE = 0.35;
const DECAY_SECONDS = 0.18;
const ATTACK_SECONDS = 0.008;
// The tone's way through the air, two drivers and, maybe, Bluetooth.
const ECHO_SECONDS = 0.6;
const WINDOW_MS = 40;
// So much of what a window holds is the note when it is heard; noise spreads over all frequencies.
const SHARE = 0.3;
const WINDOWS_NEEDED = 3;

let tones = 0;

/** @returns {Int16Array<ArrayBuffer>} PCM16 at 24000 Hz, 0.9 seconds. */
export function makeTone() {
  return Int16Array.from({ length: RATE * SECONDS }, (_, i) => {
    const sum = NOTES.reduce((total, note) => total + noteAt(note, i / RATE), 0);
    return Math.round(32767 * AMPLITUDE * sum * Math.min(1, (SECONDS - i / RATE) / 0.05));
  });
}

/**
 * @param {{ hz: number, at: number }} note
 * @param {number} seconds
 */
function noteAt({ hz, at }, seconds) {
  const t = seconds - at;
  if (t < 0) return 0;
  return Math.sin(2 * Math.PI * hz * t) * Math.min(1, t / ATTACK_SECONDS) * Math.exp(-t / DECAY_SECONDS);
}

/**
 * The share of a window's power that is at one frequency: Goertzel's filter against all.
 *
 * @param {Int16Array} pcm At 24000 Hz.
 * @param {number} hz
 * @returns {number} 0..1; 1 for a pure tone, and for silence 0.
 */
export function shareAt(pcm, hz) {
  const factor = 2 * Math.cos((2 * Math.PI * hz) / RATE);
  let [before, last, power] = [0, 0, 0];
  for (const sample of pcm) {
    [before, last] = [last, sample + factor * last - before];
    power += sample * sample;
  }
  const at = before * before + last * last - factor * before * last;
  return power ? Math.min(1, (2 * at) / (power * pcm.length)) : 0;
}

/**
 * @param {Loudspeaker} loudspeaker Unlocked.
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} When it was heard to its end.
 */
export async function playTone(loudspeaker, signal) {
  const queue = loudspeaker.queue(PLAYBACK);
  const id = `self-test-${(tones += 1)}`;
  const over = new Promise((resolve, reject) => {
    queue.addEventListener('stopped', resolve, { once: true });
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    // A context that stands still (no gesture, no device) never gets there.
    setTimeout(() => reject(new Error('the tone was not played')), 5000);
  });
  queue.append({ responseId: id, itemId: id, contentIndex: 0 }, makeTone());
  queue.end(id);
  await over.finally(() => queue.clear());
}

/**
 * @param {Microphone} microphone
 * @param {() => Promise<void>} play
 * @returns {Promise<boolean>} Whether both notes came in.
 */
export async function hearTone(microphone, play) {
  const windows = NOTES.map(() => 0);
  const stop = await microphone.capture(
    (pcm) => NOTES.forEach(({ hz }, i) => (windows[i] = (windows[i] ?? 0) + (shareAt(pcm, hz) > SHARE ? 1 : 0))),
    { ms: WINDOW_MS, open: openCapture },
  );
  try {
    await play();
    await new Promise((resolve) => setTimeout(resolve, ECHO_SECONDS * 1000));
  } finally {
    stop();
  }
  return windows.every((count) => count >= WINDOWS_NEEDED);
}
