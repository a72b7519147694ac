// What the client takes from the browser, and from the modules that deal with it. Tests hand in their own.
import { Loudspeaker } from './audio/loudspeaker.js';
import { Microphone } from './audio/microphone.js';
import { CLOCK } from './clock.js';
import { CONNECT, loadSteps } from './steps.js';

/** @typedef {import('./types.js').Connect} Connect */
/** @typedef {import('./types.js').TransportName} TransportName */

/**
 * @typedef {object} Parts
 * @property {Record<TransportName, Connect>} connect
 * @property {(names: readonly TransportName[]) => Promise<void>} loadSteps Has the code of steps ready.
 * @property {import('./user-voice.js').OpenMicrophone} openMicrophone
 * @property {() => Loudspeaker} newLoudspeaker
 * @property {import('./clock.js').Clock} clock
 * @property {import('./waking.js').Surroundings | null} around Null where there is nothing to be watched.
 */

/** @type {Parts} */
export const BROWSER_PARTS = {
  connect: CONNECT,
  loadSteps,
  openMicrophone: (options, wait) => Microphone.open(options, wait),
  newLoudspeaker: () => new Loudspeaker(),
  clock: CLOCK,
  around:
    typeof window === 'undefined'
      ? null
      : /** @type {import('./waking.js').Surroundings} */ (/** @type {unknown} */ ({ window, document, navigator })),
};
