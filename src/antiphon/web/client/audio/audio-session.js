// What the system shall do with the page's sound: navigator.audioSession, which Safari has since 16.4, and others may get.

/** @typedef {{ type: string }} AudioSession */

let microphones = 0;
let loudspeakers = 0;

/**
 * A microphone opens: iOS must not stop the page's own sound for it, nor send it to the earpiece when it opens.
 *
 * @returns {() => void} For when it is closed.
 */
export function useMicrophone() {
  microphones += 1;
  return releaser(() => (microphones -= 1));
}

/**
 * A loudspeaker is to be heard, even where the ringer's switch is on silent: what is said is wanted.
 *
 * @returns {() => void} For when it is closed.
 */
export function useLoudspeaker() {
  loudspeakers += 1;
  return releaser(() => (loudspeakers -= 1));
}

/** @param {() => void} release */
function releaser(release) {
  let held = true;
  apply();
  return () => {
    if (held) release();
    held = false;
    apply();
  };
}

function apply() {
  const session = /** @type {Navigator & { audioSession?: AudioSession }} */ (navigator).audioSession;
  if (!session) return;
  // 'playback' would end a capture that is running, so the microphone has the last word.
  const type = microphones ? 'play-and-record' : loudspeakers ? 'playback' : 'auto';
  if (session.type !== type) session.type = type;
}
