// The transport in use, why it is that one, and which ones may be tried.

import { AttemptList } from './attempts.js';
import { element, setAttribute, uniqueId, write } from './dom.js';
import { TRANSPORTS } from './preferences.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').TransportName} TransportName */

/** A badge that opens the list of attempts. */
export class TransportBadge {
  #context;
  #name = element('span', { class: 'badge-name' });
  #button;
  #sheet;
  #why = element('p', { class: 'badge-why' });
  #attempts;

  /**
   * @param {Context} context
   * @param {AbortSignal} signal
   */
  constructor(context, signal) {
    this.#context = context;
    const id = uniqueId('transport');
    const dot = element('span', { class: 'badge-dot', 'aria-hidden': 'true' });
    this.#button = element(
      'button',
      { type: 'button', class: 'badge', 'aria-controls': id, onclick: () => this.toggle() },
      dot,
      this.#name,
    );
    this.#attempts = new AttemptList(context);
    const title = element('h2', { class: 'popover-title' }, context.words.say('transport'));
    this.#sheet = element(
      'div',
      { class: 'popover', id, hidden: true, role: 'group', 'aria-label': context.words.say('transport') },
      title,
      this.#why,
      this.#attempts.element,
      this.#choice(),
    );
    this.element = element('div', { class: 'badge-place' }, this.#button, this.#sheet);
    document.addEventListener('pointerdown', (event) => this.#leave(event), { signal });
    this.element.addEventListener('keydown', (event) => this.#key(event));
    this.toggle(false);
    this.show();
  }

  show() {
    const { conversation, words } = this.#context;
    const { state } = conversation;
    const transport = 'transport' in state ? state.transport : null;
    setAttribute(this.element, 'data-state', state.type);
    write(this.#name, this.#now(transport));
    const label = `${words.say('transport')}: ${this.#name.textContent ?? ''}`;
    setAttribute(this.#button, 'aria-label', label);
    write(this.#why, this.#reason(transport));
    this.#attempts.show(state);
  }

  /** @param {TransportName | null} transport */
  #now(transport) {
    const { conversation, words } = this.#context;
    const { type } = conversation.state;
    if (transport && type !== 'connecting') return words.shared(`transport_${transport}`);
    return type === 'connected' ? '' : words.say(`badge_${type}`);
  }

  /** @param {TransportName | null} transport */
  #reason(transport) {
    const { conversation, words } = this.#context;
    if (!conversation.connected || transport === null) return words.say('transport_none');
    return words.say(`why_${transport}`);
  }

  /** @param {boolean} [open] */
  toggle(open = this.#sheet.hidden === true) {
    this.#sheet.hidden = !open;
    setAttribute(this.#button, 'aria-expanded', String(open));
  }

  /** @param {PointerEvent} event */
  #leave(event) {
    if (!this.element.contains(/** @type {Node} */ (event.target))) this.toggle(false);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape' || this.#sheet.hidden) return;
    event.stopPropagation(); // this Escape interrupts nobody
    this.toggle(false);
    this.#button.focus();
  }

  #choice() {
    const { words } = this.#context;
    const boxes = TRANSPORTS.map((name) => this.#box(name));
    const legend = element('legend', { class: 'field-label' }, words.say('transports_wanted'));
    const note = element('p', { class: 'field-note' }, words.say('transports_note'));
    return element('fieldset', { class: 'choices' }, legend, ...boxes, note);
  }

  /** @param {TransportName} name */
  #box(name) {
    const { words, preferences } = this.#context;
    const input = element('input', { type: 'checkbox', checked: preferences.choices.transports.includes(name) });
    input.addEventListener('change', () => this.#choose(name, input));
    return element('label', { class: 'choice' }, input, element('span', {}, words.shared(`transport_${name}`)));
  }

  /**
   * @param {TransportName} name
   * @param {HTMLInputElement} input
   */
  #choose(name, input) {
    const { preferences } = this.#context;
    const wanted = TRANSPORTS.filter((other) =>
      other === name ? input.checked : preferences.choices.transports.includes(other),
    );
    if (wanted.length === 0)
      input.checked = true; // one must be left
    else preferences.choose({ transports: wanted });
  }
}
