// A list of thousands of lines, of which only those that are seen exist.

import { element, setAttribute, uniqueId } from './dom.js';

const ROW = 32; // CSS pixels: all rows are as tall as this
const BEYOND = 6; // rows kept above and below what is seen

/**
 * A list box: one line can be chosen, by pointer or arrows.
 *
 * @template T
 */
export class VirtualList {
  #render;
  #choose;
  /** @type {readonly T[]} */
  #items = [];
  /** @type {T | null} */
  #chosen = null;
  #spacer = element('div', { class: 'virtual-spacer', role: 'presentation' });
  #stem = uniqueId('line');
  #request = 0;
  #follows = true;

  /**
   * @param {string} label
   * @param {(item: T) => (Node | string)[]} render What a row holds.
   * @param {(item: T) => void} choose
   */
  constructor(label, render, choose) {
    this.#render = render;
    this.#choose = choose;
    this.element = element(
      'div',
      { class: 'virtual-list', role: 'listbox', tabindex: '0', 'aria-label': label, onscroll: () => this.#scrolled() },
      this.#spacer,
    );
    this.element.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** @param {readonly T[]} items */
  show(items) {
    this.#items = items;
    cancelAnimationFrame(this.#request);
    this.#request = requestAnimationFrame(() => this.#draw());
  }

  /** @param {T | null} item */
  choose(item) {
    this.#chosen = item;
    this.#draw();
  }

  #draw() {
    this.#spacer.style.blockSize = `${this.#items.length * ROW}px`;
    if (this.#follows) this.element.scrollTop = this.element.scrollHeight;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - BEYOND);
    const last = Math.min(
      this.#items.length,
      Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW) + BEYOND,
    );
    this.#spacer.replaceChildren(
      ...this.#items.slice(first, last).map((item, index) => this.#row(item, first + index)),
    );
    const at = this.#chosen === null ? -1 : this.#items.indexOf(this.#chosen);
    setAttribute(this.element, 'aria-activedescendant', at >= first && at < last ? `${this.#stem}-${at}` : null);
  }

  /**
   * @param {T} item
   * @param {number} index
   */
  #row(item, index) {
    const given = {
      class: 'virtual-row',
      role: 'option',
      id: `${this.#stem}-${index}`,
      'aria-selected': String(item === this.#chosen),
    };
    const row = element(
      'div',
      { ...given, 'aria-setsize': this.#items.length, 'aria-posinset': index + 1 },
      ...this.#render(item),
    );
    row.style.insetBlockStart = `${index * ROW}px`;
    row.addEventListener('pointerdown', () => this.#pick(index));
    return row;
  }

  /** @param {number} index */
  #pick(index) {
    const item = this.#items[index];
    if (item === undefined) return;
    this.#follows = false;
    this.#chosen = item;
    this.#reveal(index);
    this.#draw();
    this.#choose(item);
  }

  /** @param {number} index */
  #reveal(index) {
    const { scrollTop, clientHeight } = this.element;
    if (index * ROW < scrollTop) this.element.scrollTop = index * ROW;
    if ((index + 1) * ROW > scrollTop + clientHeight) this.element.scrollTop = (index + 1) * ROW - clientHeight;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = this.#chosen === null ? this.#items.length : this.#items.indexOf(this.#chosen);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: this.#items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#pick(Math.min(this.#items.length - 1, Math.max(0, to)));
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.#follows = scrollHeight - scrollTop - clientHeight < ROW;
    cancelAnimationFrame(this.#request);
    this.#request = requestAnimationFrame(() => this.#draw());
  }
}
