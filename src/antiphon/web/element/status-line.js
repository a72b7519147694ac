// What is going on, in words, at the top.
import { say } from '../texts/index.js';
import { make, write } from './dom.js';

/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./look.js').Look} Look */

/** A coloured dot, a headline and a hint. */
export class StatusLine {
  #headline = make('p', { part: 'state', class: 'headline' });
  #hint = make('p', { part: 'hint', class: 'hint' });
  element = make('div', { part: 'status', class: 'status' }, make('i', { class: 'dot' }), this.#headline, this.#hint);

  /**
   * @param {Look} look
   * @param {Texts} texts
   */
  update({ tone, headline, hint, transport }, texts) {
    this.element.dataset['tone'] = tone;
    write(this.#headline, texts[headline]);
    const values = { transport: transport ? texts[`transport_${transport}`] : '' };
    write(this.#hint, hint ? say(texts, hint, values) : '');
  }
}
