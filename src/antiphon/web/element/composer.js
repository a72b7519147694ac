// Writing instead of speaking.
import { icon, make, name, setAttribute } from './dom.js';

/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./look.js').Look} Look */

/**
 * @param {Pick<KeyboardEvent, 'key' | 'shiftKey' | 'isComposing' | 'keyCode'>} pressed
 * @returns {boolean} Whether it sends: Enter alone, and not the one that ends a word in an input method.
 */
export function sends({ key, shiftKey, isComposing, keyCode }) {
  // Safari ends the composition before it tells of the key, and marks the key with 229 alone.
  return key === 'Enter' && !shiftKey && !isComposing && keyCode !== 229;
}

/** The field and its button. */
export class Composer {
  field = make('textarea', { part: 'field', rows: '1', enterkeyhint: 'send', dir: 'auto', autocomplete: 'off' });
  #send = make('button', { type: 'submit', part: 'send', class: 'icon-button filled' }, icon('send'));
  element = make('form', { part: 'composer', class: 'composer' }, this.field, this.#send);
  #ready = false;
  #deliver;

  /** @param {(text: string) => void} deliver */
  constructor(deliver) {
    this.#deliver = deliver;
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.field.addEventListener('input', () => this.#fit());
    this.field.addEventListener('keydown', (event) => {
      if (!sends(event)) return;
      event.preventDefault();
      this.#submit();
    });
  }

  /**
   * @param {Look} look
   * @param {Texts} texts
   */
  update({ composer }, texts) {
    this.element.hidden = composer === 'hidden';
    this.#ready = composer === 'open';
    setAttribute(this.field, 'aria-label', texts.write);
    setAttribute(this.field, 'placeholder', texts.write);
    name(this.#send, texts.send);
    this.#mark();
  }

  #submit() {
    const text = this.field.value.trim();
    if (!text || !this.#ready) return;
    this.field.value = '';
    this.#fit();
    this.#deliver(text);
  }

  /** Let the field grow with what is written; the style sheet sets the most. */
  #fit() {
    this.field.style.blockSize = 'auto';
    this.field.style.blockSize = this.field.value ? `${this.field.scrollHeight + 2}px` : '';
    this.#mark();
  }

  /** It stays within reach of the keyboard while it cannot send. */
  #mark() {
    setAttribute(this.#send, 'aria-disabled', String(!this.#ready || this.field.value.trim() === ''));
  }
}
