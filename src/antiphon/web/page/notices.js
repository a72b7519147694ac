// Problems in words, with what to do about them.

import { element, fill } from './dom.js';
import { icon } from './icons.js';
import { PROBLEMS } from '../client/problems.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').Problem} Problem */

const MOST = 3; // more would hide the conversation
const RETRIED = ['closed', 'idle'];

/** @typedef {{ again: () => void, allow: () => void }} NoticeActions */

/** Something that is no problem of the client. @typedef {{ what: string, cure: string, label: string, act: () => void }} Note */

/** What is wrong at this moment: of the page, of the microphone, of the connection; and what happened and can be put away. */
export class Notices {
  #context;
  #actions;
  /** @type {Problem | null} */
  #standing = null;
  /** @type {Problem[]} */
  #passing = [];
  /** @type {Note | null} */
  #note = null;
  #shown = '';

  /**
   * @param {Context} context
   * @param {NoticeActions} actions
   */
  constructor(context, actions) {
    this.#context = context;
    this.#actions = actions;
    this.element = element('div', { class: 'notices' });
    const { conversation } = context;
    conversation.addEventListener('problem', (event) => this.#add(/** @type {CustomEvent} */ (event).detail));
    conversation.addEventListener('recovered', (event) =>
      this.#dismiss({ code: /** @type {CustomEvent} */ (event).detail, detail: '' }),
    );
    conversation.addEventListener('begun', () => this.#clear());
    this.show();
  }

  /** @param {Problem | null} problem Of the page itself: it is offline, or its microphone is out of reach. */
  stand(problem) {
    this.#standing = problem;
    this.show();
  }

  /** @param {Problem} problem */
  #add(problem) {
    if (!isPassing(problem)) return;
    this.#passing = [...this.#passing.filter(({ code }) => code !== problem.code), problem].slice(-MOST);
    this.show();
  }

  #clear() {
    this.#passing = [];
    this.note(null);
  }

  /** @param {Note | null} note Told until it is put away, or acted on. */
  note(note) {
    this.#note = note;
    this.show();
  }

  show() {
    const list = this.#current();
    const look = JSON.stringify([list, this.#note, this.#context.conversation.state.type]);
    if (look === this.#shown) return;
    this.#shown = look;
    fill(this.element, ...list.map((problem) => this.#card(problem)), this.#note && this.#noteCard(this.#note));
  }

  /** @param {Note} note */
  #noteCard({ what, cure, label, act }) {
    const text = element(
      'div',
      { class: 'notice-text' },
      element('p', { class: 'notice-what', dir: 'auto' }, what),
      cure !== '' && element('p', { class: 'notice-cure' }, cure),
    );
    const close = () => this.note(null);
    const follow = button(label, () => {
      close();
      act();
    });
    const weight = { class: 'notice', role: 'group', 'data-weight': 'notice' };
    return element('div', weight, icon('warning'), text, follow, this.#dismissal(close));
  }

  /** @param {() => void} dismiss */
  #dismissal(dismiss) {
    const label = this.#context.words.shared('dismiss');
    return element(
      'button',
      { type: 'button', class: 'icon-button', 'aria-label': label, onclick: dismiss },
      icon('cross'),
    );
  }

  /** @returns {Problem[]} Each once, the gravest first. */
  #current() {
    const { state, microphone } = this.#context.conversation;
    if (state.type === 'connected') this.#passing = this.#passing.filter(({ code }) => code !== 'connection_lost');
    const problems = [
      state.type === 'closed' ? state.problem : null,
      state.type === 'reconnecting' ? state.problem : null,
      microphone.problem,
      this.#standing,
      ...this.#passing.toReversed(),
    ].filter((problem) => problem !== null);
    return problems
      .filter(({ code }, index) => problems.findIndex((other) => other.code === code) === index)
      .slice(0, MOST);
  }

  /** @param {Problem} problem */
  #card(problem) {
    const { what, cure } = this.#context.words.problem(problem);
    const title = element('p', { class: 'notice-what' }, what);
    const text = element(
      'div',
      { class: 'notice-text' },
      title,
      element('p', { class: 'notice-cure' }, cure),
      this.#goesOn(problem),
      this.#details(problem),
    );
    const weight = PROBLEMS[problem.code];
    return element(
      'div',
      { class: 'notice', role: 'group', 'data-weight': weight },
      icon('warning'),
      text,
      this.#action(problem),
    );
  }

  /** @param {Problem} problem */
  #goesOn(problem) {
    return (
      PROBLEMS[problem.code] === 'voice' &&
      element('p', { class: 'notice-cure' }, this.#context.words.shared('text_goes_on'))
    );
  }

  /** @param {Problem} problem */
  #details({ code, detail }) {
    const { words } = this.#context;
    if (detail === '') return null;
    const text = element('p', { class: 'notice-detail' }, element('code', {}, code), ` ${detail}`);
    return element('details', { class: 'notice-more' }, element('summary', {}, words.shared('details')), text);
  }

  /** @param {Problem} problem */
  #action(problem) {
    const { words, conversation } = this.#context;
    const { state } = conversation;
    const { keys_needed: needed, token_url: url } = this.#context.settings;
    if (problem.code.startsWith('key_') && needed && !url) return null; // the card below asks for another one
    const weight = PROBLEMS[problem.code];
    if (weight === 'over' && RETRIED.includes(state.type)) return button(words.shared('again'), this.#actions.again);
    if (weight === 'voice' && conversation.connected && problem.code !== 'insecure_context')
      return button(words.shared('again'), this.#actions.allow);
    if (!this.#passing.some(({ code }) => code === problem.code)) return null;
    return this.#dismissal(() => this.#dismiss(problem));
  }

  /** @param {Problem} problem */
  #dismiss({ code }) {
    this.#passing = this.#passing.filter((other) => other.code !== code);
    this.show();
  }
}

/**
 * @param {Problem} problem
 * @returns {boolean} Whether it is told until the user puts it away. Steps of the ladder are told where the transport is; what ends a
 *   conversation, by its state; and what keeps the microphone silent, by the microphone's own for as long as it does.
 */
export function isPassing({ code }) {
  return PROBLEMS[code] === 'notice' && !code.startsWith('microphone_');
}

/**
 * @param {string} label
 * @param {() => void} onclick
 */
function button(label, onclick) {
  return element('button', { type: 'button', class: 'button small', onclick }, label);
}
