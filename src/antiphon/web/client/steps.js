// The code of the ladder's steps: that of WebRTC is there from the beginning, each other one is loaded when it is wanted, or before,
// while the network is good.
import { connect as webrtc } from './transports/webrtc.js';

/** @typedef {import('./types.js').Connect} Connect */
/** @typedef {import('./types.js').TransportName} TransportName */

/** @type {Record<Exclude<TransportName, 'webrtc'>, () => Promise<{ connect: Connect }>>} */
const LATER = {
  websocket: () => import('./transports/websocket.js'),
  http: () => import('./transports/http.js'),
  text: () => import('./transports/text.js'),
};

/**
 * A step whose code does not come fails, and is tried again whenever its turn comes. Chromium then asks for the code again; Firefox keeps to
 * the failure until the page is loaded anew, which is one reason more to load early.
 *
 * @type {Record<TransportName, Connect>}
 */
export const CONNECT = {
  webrtc: (request) => webrtc(request),
  websocket: async (request) => (await LATER.websocket()).connect(request),
  http: async (request) => (await LATER.http()).connect(request),
  text: async (request) => (await LATER.text()).connect(request),
};

/**
 * Load the code of steps, one after the other; what does not come is no matter before it is wanted.
 *
 * @param {readonly TransportName[]} names
 */
export async function loadSteps(names) {
  for (const name of names) if (name !== 'webrtc') await LATER[name]().catch(() => {});
}
