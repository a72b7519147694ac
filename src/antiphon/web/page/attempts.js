// The steps of the ladder: which were tried, and what came of each.

import { element, fill } from './dom.js';
import { fixed } from './format.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').Attempt} Attempt */
/** @typedef {import('../client/types.js').ClientState} ClientState */

/** A list of attempts with their reasons in words and their times. */
export class AttemptList {
  #context;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    this.element = element('ol', { class: 'attempts', 'aria-label': context.words.say('attempts') });
  }

  /** @param {ClientState | null} state Null to show nothing. */
  show(state) {
    const attempts = state === null || state.type === 'idle' ? [] : state.attempts;
    this.element.hidden = attempts.length === 0;
    fill(this.element, ...attempts.map((attempt) => this.#row(attempt)));
  }

  /** @param {Attempt} attempt */
  #row(attempt) {
    const { words } = this.#context;
    const mark = element(
      'span',
      { class: 'attempt-mark' },
      attempt.outcome === 'connecting' ? null : icon(attempt.outcome === 'connected' ? 'check' : 'cross'),
    );
    const name = element('strong', {}, words.shared(`transport_${attempt.transport}`));
    const text = element('span', { class: 'attempt-text' }, name, ' ', this.#words(attempt));
    const time = element('span', { class: 'attempt-time' }, this.#time(attempt));
    return element('li', { class: 'attempt', 'data-outcome': attempt.outcome }, mark, text, time);
  }

  /** @param {Attempt} attempt */
  #words({ outcome, problem }) {
    const { words } = this.#context;
    if (outcome !== 'failed') return words.say(`attempt_${outcome}`);
    return problem ? words.problem(problem).what : words.say('attempt_failed');
  }

  /** @param {Attempt} attempt */
  #time({ outcome, problem, seconds }) {
    if (outcome === 'connecting' || problem?.code === 'not_wanted' || problem?.code === 'not_offered') return '';
    return `${fixed(seconds, 1, this.#context.words.lang)} s`;
  }
}
