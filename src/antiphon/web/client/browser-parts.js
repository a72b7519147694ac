// What the client takes from the browser, and from the modules that deal with it. Tests hand in their own.
import { Loudspeaker } from './audio/loudspeaker.js';
import { Microphone } from './audio/microphone.js';
import { CLOCK } from './clock.js';
import { connect as http } from './transports/http.js';
import { connect as text } from './transports/text.js';
import { connect as webrtc } from './transports/webrtc.js';
import { connect as websocket } from './transports/websocket.js';

/** @typedef {import('./types.js').Connect} Connect */
/** @typedef {import('./types.js').TransportName} TransportName */

/**
 * @typedef {object} Parts
 * @property {Record<TransportName, Connect>} connect
 * @property {import('./user-voice.js').OpenMicrophone} openMicrophone
 * @property {() => Loudspeaker} newLoudspeaker
 * @property {import('./clock.js').Clock} clock
 * @property {import('./waking.js').Surroundings | null} around Null where there is nothing to be watched.
 */

/** @type {Parts} */
export const BROWSER_PARTS = {
  connect: {
    webrtc: (request) => webrtc(request),
    websocket: (request) => websocket(request),
    http: (request) => http(request),
    text: (request) => text(request),
  },
  openMicrophone: (options, wait) => Microphone.open(options, wait),
  newLoudspeaker: () => new Loudspeaker(),
  clock: CLOCK,
  around:
    typeof window === 'undefined'
      ? null
      : /** @type {import('./waking.js').Surroundings} */ (/** @type {unknown} */ ({ window, document, navigator })),
};
