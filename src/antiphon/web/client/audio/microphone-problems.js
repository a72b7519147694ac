// What it means when the browser does not give the microphone. Pure.

import { ProblemError } from '../problems.js';

/**
 * The page around a request for the microphone.
 *
 * @typedef {object} Surroundings
 * @property {string} origin
 * @property {boolean} secure
 * @property {boolean} hasDevices Whether there is `navigator.mediaDevices.getUserMedia`.
 * @property {boolean} foreignFrame Whether it is in an iframe of a page from another origin.
 * @property {boolean | null} allowed What the permissions policy says; null where the browser does not tell (Firefox, Safari).
 */

// No person answers a prompt that fast: the frame was refused unasked.
const UNASKED_MS = 150;

/**
 * @param {Surroundings} page
 * @returns {ProblemError | null} What is known without asking the browser.
 */
export function problemBefore(page) {
  if (!page.secure) return new ProblemError('insecure_context', insecure(page.origin));
  if (page.allowed === false) return new ProblemError('microphone_forbidden', forbidden(page.origin));
  if (!page.hasDevices) return new ProblemError('microphone_failed', 'this browser has no getUserMedia');
  return null;
}

/**
 * @param {unknown} error What getUserMedia threw.
 * @param {Surroundings} page
 * @param {number} elapsedMs How long it took.
 * @returns {ProblemError}
 */
export function problemFrom(error, page, elapsedMs) {
  const { name, message } = /** @type {{ name?: string, message?: string }} */ (error ?? {});
  const detail = [name, message].filter(Boolean).join(': ');
  return new ProblemError(codeFor(name, message ?? '', page, elapsedMs), detail, { cause: error });
}

/** @param {unknown} error */
export function isDeviceGone(error) {
  const { name } = /** @type {{ name?: string }} */ (error ?? {});
  return name === 'NotFoundError' || name === 'OverconstrainedError' || name === 'DevicesNotFoundError';
}

/** @param {unknown} error */
function isDeviceBusy(error) {
  const { name } = /** @type {{ name?: string }} */ (error ?? {});
  return name === 'NotReadableError' || name === 'AbortError' || name === 'TrackStartError';
}

/**
 * @param {string | undefined} name
 * @param {string} message
 * @param {Surroundings} page
 * @param {number} elapsedMs
 * @returns {import('../problems.js').ProblemCode}
 */
function codeFor(name, message, page, elapsedMs) {
  if (name === 'NotAllowedError' || name === 'SecurityError') return denial(message, page, elapsedMs);
  if (isDeviceGone({ name })) return 'microphone_missing';
  if (isDeviceBusy({ name })) return 'microphone_busy';
  return 'microphone_failed';
}

/**
 * @param {string} message
 * @param {Surroundings} page
 * @param {number} elapsedMs
 */
function denial(message, page, elapsedMs) {
  // Chromium: "Permission denied by system"; Safari and Firefox speak of the platform or the operating system.
  if (/by system|operating system|platform/i.test(message)) return 'microphone_denied_by_system';
  if (page.foreignFrame && page.allowed === null && elapsedMs < UNASKED_MS) return 'microphone_forbidden';
  return 'microphone_denied';
}

/** @param {string} origin */
function insecure(origin) {
  return `${origin} is not a secure context; serve the page over https, or open it as http://localhost on the server's own machine`;
}

/** @param {string} origin */
function forbidden(origin) {
  return `the page around does not let ${origin} use the microphone; add allow="microphone" to its iframe`;
}

/** @returns {Surroundings} This page's. */
export function surroundings() {
  return {
    origin: globalThis.location?.origin ?? '',
    secure: globalThis.isSecureContext !== false,
    hasDevices: typeof globalThis.navigator?.mediaDevices?.getUserMedia === 'function',
    foreignFrame: isForeignFrame(),
    allowed: policyAllows(),
  };
}

function isForeignFrame() {
  // An element is given to frames of the same origin alone.
  return globalThis.window !== globalThis.top && globalThis.frameElement === null;
}

function policyAllows() {
  const page = /** @type {{ featurePolicy?: Policy, permissionsPolicy?: Policy }} */ (
    /** @type {unknown} */ (globalThis.document ?? {})
  );
  return (page.permissionsPolicy ?? page.featurePolicy)?.allowsFeature?.('microphone') ?? null;
}

/** @typedef {{ allowsFeature?: (feature: string) => boolean }} Policy */
