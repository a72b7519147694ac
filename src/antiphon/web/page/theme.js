// Dark or light: as the system has it, until the user chooses.

import { element, fill, setAttribute } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */

/** A button that changes between dark and light. */
export class ThemeButton {
  #context;
  #system = window.matchMedia('(prefers-color-scheme: dark)');

  /**
   * @param {Context} context
   * @param {AbortSignal} signal Ends its listening to the system.
   */
  constructor(context, signal) {
    this.#context = context;
    this.element = element('button', { type: 'button', class: 'icon-button', onclick: () => this.#toggle() });
    this.#system.addEventListener('change', () => this.#show(), { signal });
    this.#show();
  }

  get #dark() {
    const { theme } = this.#context.preferences.choices;
    return theme === null ? this.#system.matches : theme === 'dark';
  }

  #toggle() {
    this.#context.preferences.choose({ theme: this.#dark ? 'light' : 'dark' });
    this.#show();
    window.dispatchEvent(new Event('themechange'));
  }

  #show() {
    const { words, preferences } = this.#context;
    setAttribute(document.documentElement, 'data-theme', preferences.choices.theme);
    const label = words.say(this.#dark ? 'theme_light' : 'theme_dark');
    setAttribute(this.element, 'aria-label', label);
    setAttribute(this.element, 'title', label);
    fill(this.element, icon(this.#dark ? 'sun' : 'moon'));
  }
}
