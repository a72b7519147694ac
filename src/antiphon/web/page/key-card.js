// Asks for a key where the server wants one. It stays in memory, and is gone when the page is left.

import { element, uniqueId } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */

/** A card with one field. */
export class KeyCard {
  #field;
  #error;

  /**
   * @param {Context} context
   * @param {(key: string) => void} give
   */
  constructor({ words }, give) {
    const [id, errorId] = [uniqueId('key'), uniqueId('key-error')];
    this.#error = element('p', { class: 'field-error', id: errorId, hidden: true }, words.say('key_empty'));
    this.#field = element('input', {
      id,
      class: 'field',
      type: 'password',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-describedby': errorId,
      dir: 'ltr',
      placeholder: 'ek_…',
    });
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit(give);
    };
    const label = element('label', { class: 'field-label', htmlFor: id }, words.say('key_label'));
    const send = element('button', { type: 'submit', class: 'button primary' }, words.say('key_use'));
    const form = element(
      'form',
      { class: 'key-form', onsubmit },
      label,
      element('div', { class: 'key-row' }, this.#field, send),
      this.#error,
    );
    const title = element('h1', { class: 'welcome-title', id: uniqueId('key-title') }, words.say('key_title'));
    const texts = [element('p', { class: 'welcome-lead' }, words.say('key_lead'))];
    const note = element('p', { class: 'field-note' }, words.say('key_note'));
    this.element = element(
      'section',
      { class: 'key-card', 'aria-labelledby': title.id },
      element('span', { class: 'key-mark' }, icon('key')),
      title,
      ...texts,
      form,
      note,
    );
  }

  /** @param {(key: string) => void} give */
  #submit(give) {
    const key = this.#field.value.trim();
    this.#error.hidden = key !== '';
    if (key === '') return this.#field.focus();
    this.#field.value = '';
    give(key);
  }

  focus() {
    this.#field.focus();
  }
}
