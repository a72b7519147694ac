// What the page connects with: a client secret, minted here or given. Keys live in memory alone.

import { ProblemError } from '../client/problems.js';

/** @typedef {import('../client/types.js').TokenSource} TokenSource */

/**
 * What the server tells its talk page.
 *
 * @typedef {object} ServerSettings
 * @property {string} version
 * @property {boolean} keys_needed
 * @property {string | null} token_url
 * @property {string} model
 * @property {boolean} webrtc Whether calls are answered.
 * @property {number} resume_seconds
 * @property {boolean} relays Whether other servers answer.
 * @property {{ name: string, description: string, questions: string[] } | null} agent Who answers; null where keys are needed, and where pages describe whom they talk to.
 */

const CLIENT_SECRET = 'ek_';
// Relative to this module, so that the server may live below a path.
const MINTING = new URL('../../v1/realtime/client_secrets', import.meta.url);
const SETTINGS = new URL('../settings.json', import.meta.url);

/** Where client secrets come from. */
export class PageKeys {
  #settings;
  #tokenFrom;
  #fetch;
  #given = '';

  /**
   * @param {ServerSettings} settings
   * @param {(url: string) => TokenSource} tokenFrom
   * @param {typeof fetch} [fetcher]
   */
  constructor(settings, tokenFrom, fetcher = (...request) => fetch(...request)) {
    this.#settings = settings;
    this.#tokenFrom = tokenFrom;
    this.#fetch = fetcher;
  }

  /** Whether the user has to give one before there can be a conversation. */
  get missing() {
    return this.#settings.keys_needed && !this.#settings.token_url && this.#given === '';
  }

  /** Whether the user's own key is what is used. */
  get askable() {
    return this.#settings.keys_needed && !this.#settings.token_url;
  }

  /** @param {string} key A client secret, or an API key, which only mints client secrets here. */
  give(key) {
    this.#given = key.trim();
  }

  /** The model to ask for; undefined where the token URL's secrets name their own. */
  get model() {
    return this.#given === '' && this.#settings.token_url ? undefined : this.#settings.model;
  }

  /** @returns {TokenSource} */
  get source() {
    if (this.#given.startsWith(CLIENT_SECRET)) return () => this.#given;
    if (this.#given === '' && this.#settings.token_url) return this.#tokenFrom(this.#settings.token_url);
    return ({ signal }) => this.#mint(signal);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  async #mint(signal) {
    if (this.missing) throw new ProblemError('key_missing');
    const answer = await this.#ask(signal);
    if (!answer.ok) throw refusal(answer.status);
    const { value } = /** @type {{ value?: unknown }} */ (await answer.json());
    if (typeof value !== 'string') throw new ProblemError('token_failed', 'the answer has no value');
    return value;
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const key = this.#given || 'none';
    const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ session: { type: 'realtime', model: this.#settings.model } });
    try {
      return await this.#fetch(MINTING, { method: 'POST', headers, body, signal });
    } catch (error) {
      throw signal.aborted ? signal.reason : new ProblemError('server_unreachable', String(error), { cause: error });
    }
  }
}

/** @param {number} status */
function refusal(status) {
  const detail = `minting a client secret: HTTP ${status}`;
  if (status === 401) return new ProblemError('key_invalid', detail);
  if (status === 403) return new ProblemError('origin_not_allowed', detail);
  return new ProblemError(status >= 500 ? 'server_error' : 'token_failed', detail);
}

/**
 * @param {unknown} told
 * @returns {ServerSettings} With what was not told as a server without keys has it.
 */
export function readSettings(told) {
  const given = told !== null && typeof told === 'object' ? /** @type {Partial<ServerSettings>} */ (told) : {};
  const defaults = {
    version: '',
    keys_needed: false,
    token_url: null,
    model: 'gpt-realtime',
    webrtc: true,
    resume_seconds: 0,
  };
  return { ...defaults, relays: false, agent: null, ...given };
}

/**
 * @param {typeof fetch} [fetcher]
 * @returns {Promise<ServerSettings>}
 * @throws {ProblemError} The server does not tell.
 */
export async function loadSettings(fetcher = (...request) => fetch(...request)) {
  try {
    const answer = await fetcher(SETTINGS, { cache: 'no-store' });
    if (!answer.ok) throw new ProblemError('server_error', `settings: HTTP ${answer.status}`);
    return readSettings(await answer.json());
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError(navigator.onLine ? 'server_unreachable' : 'offline', String(error), { cause: error });
  }
}
