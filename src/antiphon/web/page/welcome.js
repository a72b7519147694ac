// What a person sees first: one button, and what to expect of it.

import { element, fill, setAttribute, write } from './dom.js';
import { icon } from './icons.js';
import { AttemptList } from './attempts.js';

/** @typedef {import('./context.js').Context} Context */

const SAMPLES = /** @type {const} */ (['sample_bedrooms', 'sample_price', 'sample_garden', 'sample_viewing']);

/** The big button, what it is about, and questions to begin with; while it connects, how that goes. */
export class Welcome {
  #context;
  #button;
  #label = element('span', { class: 'talk-label' });
  #face = element('span', { class: 'talk-face' });
  #title = element('h1', { class: 'welcome-title' });
  #lead = element('p', { class: 'welcome-lead' });
  #samples;
  #attempts;

  /**
   * @param {Context} context
   * @param {{ talk: () => void, ask: (question: string) => void }} actions
   */
  constructor(context, { talk, ask }) {
    this.#context = context;
    const click = () => (context.conversation.underWay ? context.conversation.end() : talk());
    this.#button = element('button', { type: 'button', class: 'talk-button', onclick: click }, this.#face, this.#label);
    this.#samples = sampleQuestions(context, ask);
    this.#attempts = new AttemptList(context);
    const rings = element('span', { class: 'talk-rings', 'aria-hidden': 'true' });
    const body = [
      this.#title,
      this.#lead,
      element('div', { class: 'talk-place' }, rings, this.#button),
      this.#attempts.element,
      this.#samples,
    ];
    this.element = element('section', { class: 'welcome', 'aria-labelledby': 'welcome-title' }, ...body);
    this.#title.id = 'welcome-title';
    this.show();
  }

  show() {
    const { conversation, words } = this.#context;
    const sample = isSample(this.#context);
    const connecting = conversation.state.type === 'connecting';
    const asking = connecting && conversation.microphone.type === 'asking';
    setAttribute(this.element, 'data-state', connecting ? 'connecting' : 'idle');
    fill(this.#face, icon(connecting ? 'cross' : 'microphone'));
    write(this.#label, connecting ? words.shared('cancel') : words.say('talk'));
    write(
      this.#title,
      connecting
        ? words.shared(asking ? 'state_asking' : 'state_connecting')
        : words.say(sample ? 'welcome_title' : 'welcome_title_plain'),
    );
    write(
      this.#lead,
      connecting
        ? words.shared(asking ? 'hint_asking' : 'hint_connecting')
        : words.say(sample ? 'welcome_lead' : 'welcome_lead_plain'),
    );
    this.#attempts.show(connecting ? conversation.state : null);
    this.#samples.hidden = connecting || !this.#samples.querySelector('button');
  }
}

/**
 * @param {Context} context
 * @returns {boolean} Whether the sample property's guide answers; others know nothing of it.
 */
function isSample({ settings }) {
  return settings.agent?.name === 'maple';
}

/**
 * @param {Context} context
 * @returns {readonly string[]} What one may ask who answers; the embedded recogniser's English in any language.
 */
function questionsFor(context) {
  const { settings, words } = context;
  if (!isSample(context)) return settings.agent?.questions ?? [];
  return SAMPLES.map((key) => words.say(key));
}

/**
 * @param {Context} context
 * @param {(question: string) => void} ask
 */
export function sampleQuestions(context, ask) {
  const { words } = context;
  const questions = questionsFor(context);
  const chips = questions.map((question) => {
    return element(
      'li',
      {},
      element('button', { type: 'button', class: 'chip', dir: 'auto', onclick: () => ask(question) }, question),
    );
  });
  const title = element('p', { class: 'samples-title' }, words.say('samples_title'));
  return element(
    'div',
    { class: 'samples', hidden: !questions.length },
    title,
    element('ul', { class: 'chips' }, ...chips),
  );
}
