// Where the API is, and what kind of server answers there.

/** @typedef {import('./types.js').Server} Server */
/** @typedef {import('./types.js').TransportName} TransportName */

// Servers of Antiphon give this module at /web/client/server.js, whatever path a proxy puts before it.
const OWN = '../../v1';

/** @type {readonly TransportName[]} */
export const LADDER = ['webrtc', 'websocket', 'http', 'text'];

/** @type {Record<Server['kind'], readonly TransportName[]>} */
const OFFERED = { antiphon: LADDER, openai: ['webrtc', 'websocket'] };

/**
 * Return the server at a URL.
 *
 * @param {string} [url] Base URL of the API; relative ones are relative to the page.
 * @param {{ module?: string, page?: string }} [places] Where this module came from, and the page.
 * @returns {Server}
 */
export function serverAt(url, { module = import.meta.url, page = globalThis.document?.baseURI } = {}) {
  const base = url ? new URL(url, page) : new URL(OWN, module);
  base.search = base.hash = '';
  return { url: base.href.replace(/\/+$/, ''), kind: isOpenAi(base.hostname) ? 'openai' : 'antiphon' };
}

/** @param {string} host */
function isOpenAi(host) {
  return host === 'api.openai.com' || host.endsWith('.openai.azure.com');
}

/**
 * Whether a server of this kind is known to have a transport.
 *
 * @param {Server['kind']} kind
 * @param {TransportName} transport
 */
export function offers(kind, transport) {
  return OFFERED[kind].includes(transport);
}
