// What an element takes from its attributes, from its properties, and from where it stands.
import { LADDER } from '../client/server.js';
import { tokenFrom } from '../client/token.js';

/** @typedef {import('../client/types.js').ClientOptions} ClientOptions */
/** @typedef {import('../client/types.js').SessionConfig} SessionConfig */
/** @typedef {import('../client/types.js').Tool} Tool */
/** @typedef {import('../client/types.js').TransportName} TransportName */

/**
 * What a page sets as properties, and a person chooses in the menu.
 *
 * @typedef {object} Given
 * @property {ClientOptions['token']} [token] Goes before the attribute `token-url`.
 * @property {readonly Tool[]} [tools]
 * @property {SessionConfig} [session]
 * @property {string} [microphone] Id of the device.
 * @property {string} [loudspeaker]
 */

/** @typedef {(name: string) => string | null} Attributes */

/**
 * @param {Attributes} attribute
 * @returns {'voice' | 'text'}
 */
export function modeOf(attribute) {
  return attribute('mode') === 'text' ? 'text' : 'voice';
}

/**
 * @param {string | null} list Such as `webrtc, websocket`.
 * @returns {TransportName[] | undefined} Those of them that there are, in the ladder's order; undefined for all.
 */
export function transportsIn(list) {
  const wanted = (list ?? '').split(',').map((name) => name.trim().toLowerCase());
  const known = LADDER.filter((name) => wanted.includes(name));
  return known.length > 0 ? known : undefined;
}

/**
 * @param {Attributes} attribute
 * @param {Given} given
 * @param {string} base What relative URLs are relative to.
 * @returns {ClientOptions} Without what was not asked for.
 */
export function clientOptions(attribute, given, base) {
  const voice = modeOf(attribute) === 'voice';
  const options = {
    url: absolute(attribute('url'), base),
    token: given.token ?? tokenSource(attribute, base),
    model: attribute('model') || undefined,
    session: sessionOf(attribute('instructions'), given.session),
    transports: transportsIn(attribute('transports')),
    microphone: voice ? (given.microphone ? { deviceId: given.microphone } : undefined) : /** @type {const} */ (false),
    speaks: voice ? undefined : false,
    loudspeaker: given.loudspeaker || undefined,
    tools: given.tools,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/**
 * @param {string | null} url
 * @param {string} base
 * @returns {string | undefined}
 */
function absolute(url, base) {
  return url ? new URL(url, base).href : undefined;
}

/**
 * @param {Attributes} attribute
 * @param {string} base
 */
function tokenSource(attribute, base) {
  const url = absolute(attribute('token-url'), base);
  return url ? tokenFrom(url, { agent: attribute('agent') ?? undefined }) : undefined;
}

/**
 * @param {string | null} instructions
 * @param {SessionConfig | undefined} session
 * @returns {SessionConfig | undefined} The session's own instructions go before the attribute.
 */
function sessionOf(instructions, session) {
  return instructions ? { instructions, ...session } : session;
}

/** @type {Set<number>} Those that are taken. */
const numbers = new Set();

/** @returns {number} The lowest that is free, from 1. */
export function takeNumber() {
  let number = 1;
  while (numbers.has(number)) number++;
  numbers.add(number);
  return number;
}

/** @param {number} number */
export function giveBack(number) {
  numbers.delete(number);
}

/**
 * @param {Element} element
 * @returns {string} Its own language, that of what is around it, or the browser's.
 */
export function languageAround(element) {
  /** @type {Node | null} */
  let place = element;
  while (place instanceof Element) {
    const near = place.closest('[lang]');
    if (near) return near.getAttribute('lang') ?? '';
    const root = place.getRootNode();
    place = root instanceof ShadowRoot ? root.host : null;
  }
  return navigator.language;
}
