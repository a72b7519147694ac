// What the page keeps in this browser: choices, never a key.

/** @typedef {import('../client/types.js').TransportName} TransportName */
/** @typedef {import('./session-draft.js').Draft} Draft */

/**
 * @typedef {object} Choices
 * @property {'light' | 'dark' | null} theme Null to follow the system.
 * @property {readonly TransportName[]} transports
 * @property {Draft} draft
 */

/** @type {readonly TransportName[]} */
export const TRANSPORTS = ['webrtc', 'websocket', 'http', 'text'];

const NAME = 'antiphon.talk';

/** @type {Choices} */
const DEFAULTS = {
  theme: null,
  transports: TRANSPORTS,
  draft: {},
};

// Older pages kept it, chosen by nobody: it would take language and prompt from the transcription that a client secret has.
const ONCE_DEFAULT = JSON.stringify({ model: 'gpt-4o-mini-transcribe' });

/** @typedef {Pick<Storage, 'getItem' | 'setItem'>} Store */

/** Choices that last. A browser that keeps nothing for this page is no hindrance. */
export class Preferences {
  #store;
  /** @type {Choices} */
  #choices;

  /** @param {Store | null} store */
  constructor(store) {
    this.#store = store;
    this.#choices = { ...DEFAULTS, ...stored(store) };
  }

  get choices() {
    return this.#choices;
  }

  /** @param {Partial<Choices>} changed */
  choose(changed) {
    this.#choices = { ...this.#choices, ...changed };
    try {
      this.#store?.setItem(NAME, JSON.stringify(this.#choices));
    } catch {
      // Full, or not allowed: the choices hold until the page is left.
    }
  }

  /** Forget what was chosen for the session. */
  resetDraft() {
    this.choose({ draft: DEFAULTS.draft });
  }
}

/**
 * @param {Store | null} store
 * @returns {Partial<Choices>}
 */
function stored(store) {
  try {
    return checked(JSON.parse(store?.getItem(NAME) ?? '{}'));
  } catch {
    return {};
  }
}

/**
 * @param {unknown} found
 * @returns {Partial<Choices>} Only what has the right shape: an older page may have kept something else.
 */
function checked(found) {
  /** @type {Partial<Choices>} */
  const good = {};
  if (found === null || typeof found !== 'object') return good;
  const { theme, transports, draft } = /** @type {Record<string, unknown>} */ (found);
  if (theme === 'light' || theme === 'dark') good.theme = theme;
  if (Array.isArray(transports)) good.transports = TRANSPORTS.filter((name) => transports.includes(name));
  if (draft !== null && typeof draft === 'object') good.draft = chosenOf(draft);
  return good.transports?.length === 0 ? { ...good, transports: TRANSPORTS } : good;
}

/**
 * @param {object} draft
 * @returns {Draft}
 */
function chosenOf(draft) {
  const part = 'audio.input.transcription';
  const { [part]: transcription, ...others } = /** @type {Draft} */ (draft);
  return JSON.stringify(transcription) === ONCE_DEFAULT ? others : /** @type {Draft} */ (draft);
}

/** @returns {Store | null} Null where the browser keeps nothing for this page. */
export function browserStore() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
