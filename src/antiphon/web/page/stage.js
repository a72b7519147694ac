// What is going on now: a state in words, both voices as waveforms, and how fast the last answer came.

import { element, setAttribute, write } from './dom.js';
import { inSeconds } from './format.js';
import { Waveform } from './waveform.js';

/** @typedef {import('./context.js').Context} Context */

/** @typedef {'idle' | 'connecting' | 'reconnecting' | 'closed' | 'failed' | 'listening' | 'hearing' | 'thinking' | 'speaking' | 'muted' | 'hold' | 'writing'} Look */

/** The strip above the transcript. */
export class Stage {
  #context;
  #label = element('p', { class: 'stage-label' });
  #hint = element('p', { class: 'stage-hint' });
  #figure = element('p', { class: 'stage-figure' });
  #number = element('span', { class: 'stage-number' });
  #waves;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const { words } = context;
    this.#waves = [new Waveform(words.shared('you'), 'input'), new Waveform(words.shared('assistant'), 'output')];
    this.#figure.append(this.#number, element('span', { class: 'stage-unit' }, words.say('first_sound')));
    const title = element('h1', { class: 'visually-hidden' }, words.shared('captions'));
    const orb = element('span', { class: 'orb', 'aria-hidden': 'true' });
    const state = element(
      'div',
      { class: 'stage-state' },
      orb,
      element('div', {}, this.#label, this.#hint),
      this.#figure,
    );
    const waves = element('div', { class: 'waves' }, ...this.#waves.map((wave) => wave.element));
    this.element = element('section', { class: 'stage', 'aria-label': words.say('stage') }, title, state, waves);
    this.show();
  }

  show() {
    const { conversation, words } = this.#context;
    const look = this.#look();
    setAttribute(this.element, 'data-look', look);
    write(this.#label, look === 'hold' ? words.say('hold') : words.shared(`state_${look}`));
    write(this.#hint, this.#hintText(look));
    const response = conversation.turns.findLast(({ responseMs }) => responseMs !== null)?.responseMs ?? null;
    this.#figure.hidden = response === null;
    if (response !== null) write(this.#number, `${inSeconds(response, words.lang)} s`);
  }

  /** @returns {Look} */
  #look() {
    const { state, microphone } = this.#context.conversation;
    if (state.type === 'closed') return state.problem ? 'failed' : 'closed';
    if (state.type !== 'connected') return state.type;
    if (state.activity !== 'listening') return state.activity;
    if (microphone.type !== 'on' || !this.#context.conversation.carriesVoice) return 'writing';
    if (this.#context.conversation.byHand && microphone.muted) return 'hold';
    return microphone.muted ? 'muted' : 'listening';
  }

  /** @param {Look} look */
  #hintText(look) {
    const { conversation, words } = this.#context;
    if (look === 'hold') return words.say('hint_hold');
    const written = conversation.microphone.type !== 'on';
    if (look === 'speaking') return words.shared(written ? 'hint_speaking_text' : 'hint_speaking');
    if (
      look === 'listening' ||
      look === 'muted' ||
      look === 'reconnecting' ||
      look === 'closed' ||
      look === 'connecting'
    )
      return words.shared(`hint_${look}`);
    return '';
  }

  /**
   * Take the levels of this moment; to be called for each frame that is shown.
   *
   * @param {{ input: number, output: number }} levels From 0 to 1.
   * @param {number} now Milliseconds.
   */
  draw(levels, now) {
    for (const wave of this.#waves) wave.draw(levels[wave.side], now);
  }

  clear() {
    for (const wave of this.#waves) wave.clear();
  }
}
