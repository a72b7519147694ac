// The bar at the bottom: microphone, writing, interrupting, ending.

import { element, fill, setAttribute, uniqueId, write } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */

/** @typedef {{ talk: () => void, write: (text: string) => Promise<boolean>, microphone: () => void, hold: (held: boolean) => void }} ComposerActions */

/** What the user does while a conversation goes on, or to begin one in writing. */
export class Composer {
  #context;
  #actions;
  #microphone = element('button', { type: 'button', class: 'round-button', 'data-role': 'microphone' });
  #hold;
  #again;
  #field;
  #send = element('button', { type: 'submit', class: 'round-button', 'data-role': 'send' });
  #end;

  /**
   * @param {Context} context
   * @param {ComposerActions} actions
   */
  constructor(context, actions) {
    this.#context = context;
    this.#actions = actions;
    const { words, conversation } = context;
    const id = uniqueId('write');
    this.#microphone.addEventListener('click', () => actions.microphone());
    this.#hold = holdButton(words.say('hold'), actions.hold);
    this.#again = element(
      'button',
      { type: 'button', class: 'button primary', onclick: () => actions.talk() },
      icon('microphone'),
      element('span', {}, words.say('talk_again')),
    );
    this.#field = element('input', {
      id,
      class: 'field write',
      type: 'text',
      autocomplete: 'off',
      enterkeyhint: 'send',
      placeholder: words.shared('write'),
      oninput: () => this.show(),
    });
    this.#end = labelled('cross', words.shared('stop_long'), () => conversation.end());
    this.#end.dataset.role = 'end';
    const box = element(
      'div',
      { class: 'write-box' },
      element('label', { class: 'visually-hidden', htmlFor: id }, words.shared('write')),
      this.#field,
      this.#send,
    );
    const onsubmit = (/** @type {Event} */ event) => this.#submit(event);
    this.element = element(
      'form',
      { class: 'composer', onsubmit, 'aria-label': words.say('composer') },
      this.#microphone,
      this.#hold,
      this.#again,
      box,
      this.#end,
    );
    this.show();
  }

  show() {
    const { conversation } = this.#context;
    const { state } = conversation;
    this.#microphone.hidden = !conversation.carriesVoice || conversation.byHand;
    this.#hold.hidden = !conversation.byHand;
    this.#again.hidden = state.type !== 'closed' || conversation.history.length === 0; // else there is the big button
    this.#end.hidden = !conversation.underWay || state.type === 'connecting';
    this.#field.disabled = state.type === 'connecting';
    this.#showMicrophone();
    this.#showSend();
  }

  get #interrupts() {
    const { state } = this.#context.conversation;
    return (
      state.type === 'connected' &&
      (state.activity === 'speaking' || state.activity === 'thinking') &&
      this.#field.value.trim() === ''
    );
  }

  #showSend() {
    const { words } = this.#context;
    const interrupts = this.#interrupts;
    setAttribute(this.#send, 'data-interrupts', interrupts);
    name(this.#send, interrupts ? 'stop' : 'send', interrupts ? words.shared('interrupt') : words.shared('send'));
    this.#send.disabled = !interrupts && this.#field.value.trim() === '';
  }

  #showMicrophone() {
    const { conversation, words } = this.#context;
    const { type, muted } = conversation.microphone;
    const open = type === 'on' && !muted;
    setAttribute(this.#microphone, 'data-open', open);
    const label = type === 'on' ? words.shared(muted ? 'unmute' : 'mute') : words.say('microphone_on');
    name(this.#microphone, open ? 'microphone' : 'muted', label);
  }

  /** @param {boolean} held */
  showHeld(held) {
    setAttribute(this.#hold, 'data-held', held);
    write(this.#hold, this.#context.words.say(held ? 'hold_release' : 'hold'));
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const text = this.#field.value.trim();
    if (this.#interrupts) this.#context.conversation.interrupt();
    else if (text !== '') void this.#write(text);
  }

  /** @param {string} text */
  async #write(text) {
    this.#field.value = '';
    const sending = this.#actions.write(text);
    this.show();
    if (await sending) return;
    this.#field.value ||= text; // nobody is to write it twice
    this.show();
  }
}

/**
 * @param {string} label
 * @param {(held: boolean) => void} hold
 */
function holdButton(label, hold) {
  const button = element('button', { type: 'button', class: 'button primary hold', hidden: true }, label);
  button.addEventListener('pointerdown', (event) => {
    button.setPointerCapture(event.pointerId);
    hold(true);
  });
  for (const type of ['pointerup', 'pointercancel']) button.addEventListener(type, () => hold(false));
  button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long press is a hold, too
  return button;
}

/**
 * @param {import('./icons.js').IconName} symbol
 * @param {string} label
 * @param {() => void} onclick
 */
function labelled(symbol, label, onclick) {
  const button = element('button', { type: 'button', class: 'round-button', onclick });
  name(button, symbol, label);
  return button;
}

/**
 * @param {HTMLButtonElement} button
 * @param {import('./icons.js').IconName} symbol
 * @param {string} label
 */
function name(button, symbol, label) {
  if (button.getAttribute('aria-label') === label && button.dataset.icon === symbol) return;
  setAttribute(button, 'aria-label', label);
  setAttribute(button, 'title', label);
  button.dataset.icon = symbol;
  fill(button, icon(symbol));
}
