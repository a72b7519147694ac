// The configuration that the page wants, kept for a session that has to begin anew.

/** @typedef {import('./types.js').SessionConfig} SessionConfig */

// The objects that the server merges by field; it replaces every other one as a whole, such as a turn detection.
const MERGED = /^(audio|input|output)$/;

/**
 * Return a configuration with changes, as the server merges them.
 *
 * @template {object} T
 * @param {T} config
 * @param {object} change
 * @returns {T}
 */
export function merged(config, change) {
  const result = /** @type {Record<string, any>} */ ({ ...config });
  for (const [name, value] of Object.entries(change)) {
    result[name] = MERGED.test(name) && value ? merged(result[name] ?? {}, value) : value;
  }
  return /** @type {T} */ (result);
}

/**
 * @param {Record<string, any>} config
 * @param {readonly string[]} path
 * @returns {Record<string, any>} The configuration without the part that a path leads to.
 */
function without(config, [name = '', ...rest]) {
  const { [name]: part, ...others } = config;
  return MERGED.test(name) && part && rest.length > 0 ? { ...others, [name]: without(part, rest) } : others;
}

// What both kinds of servers take for the transcripts of the user's words.
const TRANSCRIPTION = { model: 'gpt-4o-mini-transcribe' };

/** The configuration that is wanted, and the way it is asked for. */
export class WantedConfig {
  /** @type {SessionConfig} */
  #config;
  #declared;
  /** @type {string | null} Of the last update that the server has not answered. */
  #open = null;

  /**
   * @param {SessionConfig} config
   * @param {boolean} speaks
   * @param {(others: readonly object[] | undefined) => object[]} declared Returns all tools.
   */
  constructor(config, speaks, declared) {
    this.#declared = declared;
    this.#config = this.#withTools(speaks ? { ...config } : { ...config, output_modalities: ['text'] });
  }

  /** Whether there is anything that the server does not do by itself. */
  get isEmpty() {
    return Object.keys(this.#config).length === 0;
  }

  /** Whether the last update may have been lost. */
  get isOpen() {
    return this.#open !== null;
  }

  /**
   * Want what a history takes: the user's words, where the session would not tell them, and the page says nothing of it.
   *
   * @param {import('./events.js').Session} session As it began.
   */
  complete(session) {
    const wanted = /** @type {import('./events.js').Session} */ (this.#config).audio?.input?.transcription;
    const given = session.audio?.input?.transcription;
    if (wanted !== undefined || given !== null) return;
    this.#config = merged(this.#config, { audio: { input: { transcription: TRANSCRIPTION } } });
  }

  /**
   * Want something else; return what to send of it.
   *
   * @param {SessionConfig} change
   * @param {string} eventId
   */
  change(change, eventId) {
    const whole = change.tools ? { ...change, tools: this.#declared(change.tools) } : change;
    this.#config = merged(this.#config, whole);
    return this.#update(whole, eventId);
  }

  /**
   * Return what to send to have all of it.
   *
   * @param {string} eventId
   */
  whole(eventId) {
    return this.#update(this.#config, eventId);
  }

  /**
   * Take a server event.
   *
   * @param {import('./types.js').RealtimeEvent} given
   */
  receive(given) {
    const event = /** @type {import('./events.js').ServerEvent} */ (given);
    const isRefused = event.type === 'error' && event.error.event_id === this.#open;
    // One part that is refused would keep all others from the sessions to come.
    if (isRefused) this.#config = without(this.#config, (event.error.param ?? '').split(/[.[]/).slice(1));
    if (event.type === 'session.updated' || isRefused) this.#open = null;
  }

  /**
   * @param {SessionConfig} session
   * @param {string} eventId
   */
  #update(session, eventId) {
    this.#open = eventId;
    return { type: 'session.update', event_id: eventId, session: { type: 'realtime', ...session } };
  }

  /** @param {SessionConfig} config */
  #withTools(config) {
    const tools = this.#declared(config.tools);
    return tools.length > 0 ? { ...config, tools } : config;
  }
}
