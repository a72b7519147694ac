// Client secrets: where a page gets them, and how long they are good for.
import { unlessAborted } from './clock.js';
import { ProblemError, message } from './problems.js';

/** @typedef {import('./types.js').TokenSource} TokenSource */

// A secret that is about to run out would be refused while it is on its way.
const MARGIN_MS = 10_000;
const LONGEST_QUOTE = 200;

/**
 * What a token URL gave.
 *
 * @typedef {object} Secret
 * @property {string} value
 * @property {string | null} model The one that it was made for, if told.
 * @property {number | null} expiresAt Milliseconds since 1970; null when not told.
 */

/**
 * Return a token source that asks a URL of the page's own backend, with a POST of `{"agent": …}`.
 *
 * It may answer as `POST /v1/realtime/client_secrets` does (`{"value": …}`), as `/v1/realtime/sessions` (`{"client_secret":
 * {"value": …}}`), with `{"token": …}`, or with a JSON string. A secret is kept until 10 s before the `expires_at` that came
 * with it; without one, it is good for one connection.
 *
 * @param {string | URL} url
 * @param {object} [options]
 * @param {string} [options.agent] The one to talk to, if the backend lets pages choose.
 * @param {typeof fetch} [options.fetch]
 * @param {() => number} [options.date] Milliseconds since 1970.
 * @returns {TokenSource}
 */
export function tokenFrom(url, { agent, fetch: ask = (...request) => fetch(...request), date = Date.now } = {}) {
  /** @type {Secret | null} */
  let kept = null;
  /** @type {TokenSource} */
  const source = async ({ signal, renew = false }) => {
    if (!renew && kept?.expiresAt && date() < kept.expiresAt - MARGIN_MS) return kept.value;
    kept = await askFor(url, agent, ask, signal);
    if (kept.model) source.model = kept.model;
    return kept.value;
  };
  return source;
}

/**
 * @param {string | URL} url
 * @param {string | undefined} agent
 * @param {typeof fetch} ask
 * @param {AbortSignal} signal
 * @returns {Promise<Secret>}
 */
async function askFor(url, agent, ask, signal) {
  try {
    const answer = await ask(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(agent === undefined ? {} : { agent }),
      credentials: 'same-origin',
      signal,
    });
    return secretIn(answer.status, answer.ok, await answer.text());
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error instanceof ProblemError ? error : new ProblemError('token_failed', message(error), { cause: error });
  }
}

/**
 * @param {number} status
 * @param {boolean} ok
 * @param {string} body
 * @returns {Secret}
 */
function secretIn(status, ok, body) {
  // A refusal is quoted; what may have a secret in it is not.
  if (!ok) throw new ProblemError('token_failed', `status ${status}: ${body.trim().slice(0, LONGEST_QUOTE)}`);
  const given = parsed(body);
  const about = typeof given?.client_secret === 'object' ? given.client_secret : given;
  const value = typeof given === 'string' ? given : (about?.value ?? given?.token);
  if (typeof value !== 'string' || !value) {
    throw new ProblemError('token_failed', `status ${status}: the answer has no client secret`);
  }
  const expires = about?.expires_at;
  const model = given?.session?.model;
  return {
    value,
    model: typeof model === 'string' && model ? model : null,
    expiresAt: typeof expires === 'number' && expires > 0 ? expires * 1000 : null,
  };
}

/**
 * @param {string} body
 * @returns {any}
 */
function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    throw new ProblemError('token_failed', 'the answer is no JSON');
  }
}

/** Where a client's keys come from. */
export class Keys {
  #given;

  /** @param {string | TokenSource | undefined} given */
  constructor(given) {
    this.#given = given;
  }

  /** Whether another key may be had when one is refused. */
  get renewable() {
    return typeof this.#given === 'function';
  }

  /** The model that the latest key was made for; '' when not told. */
  get model() {
    return (typeof this.#given === 'function' && this.#given.model) || '';
  }

  /**
   * Return a key; '' where none is needed.
   *
   * @param {AbortSignal} signal
   * @param {boolean} [renew] The last one was refused.
   * @returns {Promise<string>}
   */
  async get(signal, renew = false) {
    if (typeof this.#given !== 'function') return this.#given ?? '';
    try {
      const key = await unlessAborted(Promise.resolve(this.#given({ signal, renew })), signal);
      if (typeof key === 'string' && key) return key;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error instanceof ProblemError ? error : new ProblemError('token_failed', message(error), { cause: error });
    }
    throw new ProblemError('token_failed', 'the page gave no client secret');
  }
}
