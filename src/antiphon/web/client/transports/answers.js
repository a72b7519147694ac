// What is known of a conversation's answers, over whichever connections: who comes back goes by it.

/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('../audio/loudspeaker.js').Loudspeaker} Loudspeaker */

const MOST_REMEMBERED = 256;

/** A set that forgets its oldest members. */
export class Recent {
  /** @type {Set<string>} */
  #members = new Set();

  /** @param {number} [most] */
  constructor(most = MOST_REMEMBERED) {
    this.most = most;
  }

  /** @param {string} member */
  has(member) {
    return this.#members.has(member);
  }

  /** @param {string} member */
  add(member) {
    this.#members.add(member);
    for (const oldest of this.#members) {
      if (this.#members.size <= this.most) break;
      this.#members.delete(oldest);
    }
  }
}

/** @type {WeakMap<Loudspeaker, Answers>} */
const known = new WeakMap();

/** The answers that one loudspeaker gives. */
export class Answers {
  /**
   * @param {Loudspeaker} loudspeaker
   * @returns {Answers} The same ones for each connection that is heard there.
   */
  static of(loudspeaker) {
    const answers = known.get(loudspeaker) ?? new Answers();
    known.set(loudspeaker, answers);
    return answers;
  }

  /** @type {Map<string, boolean>} Responses that are not done, and whether they belong to the conversation. */
  open = new Map();
  done = new Recent();
  outside = new Recent();
  /** Whether the user's speech interrupts an answer, as far as the session says. */
  interrupts = true;
  /** @type {import('./played-answers.js').PlayedAnswers | null} What is played from events, once a step did so. */
  played = null;

  /** @param {RealtimeEvent} given Any of the server's, over whichever transport. */
  note(given) {
    const event = /** @type {import('../events.js').ServerEvent} */ (given);
    if (event.type === 'response.created') this.#begin(event.response);
    else if (event.type === 'response.done') this.#finish(event.response?.id);
    else if (event.type === 'session.created' || event.type === 'session.updated') this.#noteSession(event.session);
  }

  /** The conversation is over: silence, and nothing is owed to the next one. */
  forget() {
    this.played?.forget();
    this.open.clear();
    this.interrupts = true;
  }

  /** @param {import('../events.js').Response | undefined} response */
  #begin(response) {
    if (typeof response?.id !== 'string') return;
    const inside = response.conversation_id !== null;
    this.open.set(response.id, inside);
    if (!inside) this.outside.add(response.id);
    const [oldest] = this.open.keys();
    if (this.open.size > MOST_REMEMBERED && oldest !== undefined) this.open.delete(oldest);
  }

  /** @param {string} responseId */
  #finish(responseId) {
    this.open.delete(responseId);
    this.done.add(responseId);
  }

  /** @param {import('../events.js').Session | undefined} session */
  #noteSession(session) {
    const detection = session?.audio?.input?.turn_detection;
    if (detection !== undefined) this.interrupts = detection?.interrupt_response !== false;
  }
}
