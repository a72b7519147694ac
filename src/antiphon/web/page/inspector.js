// The panel at the side, with its tabs; on narrow screens a sheet over the page.

import { element, setAttribute, uniqueId } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */

/**
 * @typedef {object} Panel
 * @property {string} label
 * @property {HTMLElement} element
 * @property {(shown: boolean) => void} show Told when it comes to be seen, and when it does not any more.
 */

const NARROW = '(max-width: 1079px)';

/** Tabs after the pattern of WAI-ARIA: arrows move between them. */
export class Inspector {
  #context;
  #panels;
  /** @type {HTMLButtonElement[]} */
  #tabs = [];
  #chosen = 0;
  #open = false;
  #narrow = window.matchMedia(NARROW);
  /** @type {Element | null} */
  #cameFrom = null;
  #backdrop;

  /**
   * @param {Context} context
   * @param {readonly Panel[]} panels
   * @param {{ changed: (open: boolean) => void, signal: AbortSignal }} page
   */
  constructor(context, panels, { changed, signal }) {
    this.#context = context;
    this.#panels = panels;
    this.changed = changed;
    const close = element(
      'button',
      {
        type: 'button',
        class: 'icon-button inspector-close',
        'aria-label': context.words.say('inspector_close'),
        onclick: () => this.toggle(false),
      },
      icon('cross'),
    );
    const bar = element('div', { class: 'tabs', role: 'tablist', 'aria-label': context.words.say('inspector') });
    panels.forEach((panel, index) => bar.append(this.#tab(panel, index)));
    bar.addEventListener('keydown', (event) => this.#key(event));
    const head = element('div', { class: 'inspector-head' }, bar, close);
    const side = element(
      'aside',
      { class: 'inspector', 'aria-label': context.words.say('inspector') },
      head,
      ...panels.map((panel) => panel.element),
    );
    side.addEventListener('keydown', (event) => this.#escape(event));
    this.#backdrop = element('div', { class: 'backdrop', onclick: () => this.toggle(false) });
    this.element = side;
    this.#narrow.addEventListener('change', () => this.#follow(), { signal });
    this.choose(0);
    this.#follow();
  }

  get backdrop() {
    return this.#backdrop;
  }

  get open() {
    return this.#open;
  }

  get narrow() {
    return this.#narrow.matches;
  }

  /**
   * @param {Panel} panel
   * @param {number} index
   */
  #tab(panel, index) {
    const [tabId, panelId] = [uniqueId('tab'), uniqueId('panel')];
    const tab = element(
      'button',
      {
        type: 'button',
        class: 'tab',
        role: 'tab',
        id: tabId,
        'aria-controls': panelId,
        onclick: () => this.choose(index),
      },
      panel.label,
    );
    panel.element.id = panelId;
    for (const [name, value] of Object.entries({ role: 'tabpanel', 'aria-labelledby': tabId, tabindex: '0' }))
      panel.element.setAttribute(name, value);
    panel.element.classList.add('panel');
    this.#tabs.push(tab);
    return tab;
  }

  /** @param {number} index */
  choose(index) {
    this.#chosen = index;
    this.#tabs.forEach((tab, at) => {
      setAttribute(tab, 'aria-selected', String(at === index));
      setAttribute(tab, 'tabindex', at === index ? '0' : '-1');
    });
    this.#tabs[index]?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.#tell();
  }

  #tell() {
    this.#panels.forEach((panel, at) => {
      panel.element.hidden = at !== this.#chosen;
      panel.show(this.#open && at === this.#chosen);
    });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const forward = this.#context.words.direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const step = event.key === forward ? 1 : -1;
    this.choose((this.#chosen + step + this.#tabs.length) % this.#tabs.length);
    this.#tabs[this.#chosen]?.focus();
  }

  /** @param {KeyboardEvent} event */
  #escape(event) {
    if (event.key !== 'Escape' || !this.narrow) return;
    event.stopPropagation(); // this Escape interrupts nobody
    this.toggle(false);
  }

  /** @param {boolean} [open] */
  toggle(open = !this.#open) {
    if (open === this.#open) return;
    if (open) this.#cameFrom = document.activeElement;
    this.#open = open;
    this.#follow();
    if (!this.narrow) return;
    if (open) this.#tabs[this.#chosen]?.focus();
    else if (this.#cameFrom instanceof HTMLElement) this.#cameFrom.focus();
  }

  #follow() {
    setAttribute(this.element, 'data-open', this.#open);
    setAttribute(this.#backdrop, 'data-open', this.#open);
    this.element.inert = !this.#open;
    this.#tell();
    this.changed(this.#open);
  }
}
