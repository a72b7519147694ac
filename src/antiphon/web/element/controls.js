// The buttons of a conversation: begin and end it, mute, interrupt.
import { draw, icon, iconButton, make, name, setAttribute, write } from './dom.js';

/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('../texts/index.js').TextKey} TextKey */
/** @typedef {import('./dom.js').IconName} IconName */
/** @typedef {import('./look.js').Look} Look */
/** @typedef {NonNullable<Look['action']>} Action */

/** @type {Record<Action, { text: TextKey, drawing: IconName }>} */
const ACTIONS = {
  start: { text: 'start', drawing: 'microphone' },
  again: { text: 'again', drawing: 'again' },
  cancel: { text: 'cancel', drawing: 'cross' },
  stop: { text: 'stop', drawing: 'stop' },
};

/** The row of buttons. */
export class Controls {
  #drawing = icon('microphone');
  #text = make('span');
  main = make('button', { type: 'button', part: 'button', class: 'button main' }, this.#drawing, this.#text);
  #muteDrawing = icon('microphone');
  #mute;
  #interrupt;
  element;
  /** @type {Look['action']} */
  #action = null;

  /** @param {{ main: (action: Action) => void, mute: () => void, interrupt: () => void }} press */
  constructor(press) {
    this.main.addEventListener('click', ({ detail }) => {
      // The second click of a double one would cancel what the first began.
      if (this.#action && detail < 2) press.main(this.#action);
    });
    this.#mute = iconButton('mute', this.#muteDrawing, press.mute);
    this.#interrupt = iconButton('interrupt', icon('hush'), press.interrupt);
    this.element = make('div', { part: 'controls', class: 'controls' }, this.#mute, this.#interrupt, this.main);
  }

  /**
   * @param {Look} look
   * @param {Texts} texts
   */
  update(look, texts) {
    this.#updateMain(look.action, texts);
    this.#mute.hidden = !look.canMute;
    setAttribute(this.#mute, 'aria-pressed', String(look.muted));
    draw(this.#muteDrawing, look.muted ? 'muted' : 'microphone');
    setAttribute(this.#mute, 'aria-label', texts.mute);
    setAttribute(this.#mute, 'title', look.muted ? texts.unmute : texts.mute);
    this.#interrupt.hidden = look.phase !== 'connected';
    setAttribute(this.#interrupt, 'aria-disabled', String(!look.canInterrupt));
    name(this.#interrupt, texts.interrupt);
    this.element.hidden = look.action === null;
  }

  /**
   * @param {Look['action']} action
   * @param {Texts} texts
   */
  #updateMain(action, texts) {
    this.#action = action;
    this.main.hidden = action === null;
    if (!action) return;
    const { text, drawing } = ACTIONS[action];
    this.main.classList.toggle('filled', action === 'start' || action === 'again');
    draw(this.#drawing, drawing);
    write(this.#text, texts[text]);
    setAttribute(this.main, 'aria-label', action === 'stop' ? texts.stop_long : texts[text]);
  }
}
