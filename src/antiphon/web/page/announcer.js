// What screen readers are told while their user looks elsewhere.

import { element, write } from './dom.js';

/** @typedef {import('./context.js').Context} Context */

/** Tells changes of the connection, and answers that are not spoken; what is spoken is heard anyway. */
export class Announcer {
  #context;
  #told = '';
  /** @type {Set<string>} */
  #read = new Set();

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    this.element = element('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
    const { conversation } = context;
    conversation.addEventListener('state', () => this.#tellState());
    conversation.addEventListener('history', (event) => this.#readAnswer(/** @type {CustomEvent} */ (event).detail));
    conversation.addEventListener('problem', (event) =>
      this.tell(context.words.problem(/** @type {CustomEvent} */ (event).detail).what),
    );
  }

  /** @param {string} text */
  tell(text) {
    write(this.element, text);
  }

  #tellState() {
    const text = this.#stateText();
    if (text === this.#told) return;
    this.#told = text;
    this.tell(text);
  }

  #stateText() {
    const { conversation, words } = this.#context;
    const { state } = conversation;
    if (state.type === 'connected')
      return words.shared(conversation.microphone.type === 'on' ? 'told_connected' : 'told_connected_text');
    if (state.type === 'closed' && state.problem) return words.problem(state.problem).what;
    return state.type === 'idle' ? '' : words.shared(`state_${state.type}`);
  }

  /** @param {import('../client/types.js').Entry | null} entry Null when entries went. */
  #readAnswer(entry) {
    if (!entry) return;
    if (entry.from !== 'assistant' || entry.spoken || entry.status === 'growing' || this.#read.has(entry.id)) return;
    this.#read.add(entry.id);
    this.tell(this.#context.words.shared('said_assistant').replace('{text}', entry.text));
  }
}
