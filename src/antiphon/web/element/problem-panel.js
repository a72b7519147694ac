// What is wrong, in words, and what helps.
import { icon, iconButton, make, name, write } from './dom.js';

/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./look.js').Look} Look */
/** @typedef {import('./look.js').Trouble} Trouble */

/** The panel between the conversation and the buttons. */
export class ProblemPanel {
  #what = make('p', { part: 'problem-what', class: 'what' });
  #cure = make('p', { part: 'problem-cure' });
  #retry = make('button', { type: 'button', part: 'retry', class: 'button small' });
  #summary = make('summary');
  #code = make('code', { lang: 'en', dir: 'ltr' });
  #details = make('details', { part: 'problem-details' }, this.#summary, this.#code);
  #dismiss;
  element;
  /** @type {Trouble | null} */
  #trouble = null;

  /**
   * @param {(retry: NonNullable<Trouble['retry']>) => void} retry
   * @param {(trouble: Trouble) => void} dismiss
   */
  constructor(retry, dismiss) {
    this.#dismiss = iconButton('dismiss', icon('cross'), () => this.#trouble && dismiss(this.#trouble));
    this.#retry.addEventListener('click', () => this.#trouble?.retry && retry(this.#trouble.retry));
    const words = make('div', { class: 'words' }, this.#what, this.#cure, this.#retry, this.#details);
    this.element = make(
      'div',
      { part: 'problem', class: 'problem', hidden: true },
      icon('warning'),
      words,
      this.#dismiss,
    );
  }

  /**
   * @param {Look} look
   * @param {Texts} texts
   */
  update({ trouble }, texts) {
    if (trouble?.problem.code !== this.#trouble?.problem.code) this.#details.open = false;
    this.#trouble = trouble;
    this.element.hidden = trouble === null;
    name(this.#dismiss, texts.dismiss);
    write(this.#summary, texts.details);
    if (trouble) this.#fill(trouble, texts);
  }

  /**
   * @param {Trouble} trouble
   * @param {Texts} texts
   */
  #fill({ problem, grave, retry, goesOn }, texts) {
    const { what, cure } = texts.problems[problem.code];
    this.element.classList.toggle('grave', grave);
    write(this.#what, what);
    write(this.#cure, goesOn ? `${cure} ${texts.text_goes_on}` : cure);
    write(this.#code, problem.detail ? `${problem.code}: ${problem.detail}` : problem.code);
    write(this.#retry, retry === 'sound' ? texts.sound_on : texts.again);
    this.#retry.hidden = retry === null;
    this.#dismiss.hidden = grave;
  }
}
