// The phases of one turn as bars on one axis, and as a table for those who do not see them.

import { element, fill, write } from './dom.js';
import { inMs, inSeconds } from './format.js';
import { layOut, PHASES } from './turn-facts.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').Turn} Turn */
/** @typedef {import('../client/types.js').Phase} Phase */
/** @typedef {import('./turn-facts.js').Bar} Bar */

/** Where the time of a turn went. */
export class TurnChart {
  #context;
  #rows;
  #plot;
  #wait = element('div', { class: 'chart-wait' });
  #waitLabel = element('span', { class: 'chart-wait-label' });
  #table = element('tbody');
  /** @type {Turn | null} */
  #shown = null;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const { words } = context;
    this.#rows = new Map(PHASES.map((phase) => [phase, new PhaseRow(phase, words.shared(`phase_${phase}`))]));
    this.#wait.append(this.#waitLabel);
    const lines = [...this.#rows.values()].map((row) => row.element);
    this.#plot = element(
      'div',
      { class: 'chart', 'aria-hidden': 'true' },
      element('div', { class: 'chart-under' }, this.#wait),
      ...lines,
    );
    const head = element(
      'tr',
      {},
      ...[words.say('phase'), words.say('phase_begins'), words.say('phase_takes')].map((text) =>
        element('th', { scope: 'col' }, text),
      ),
    );
    const table = element(
      'table',
      { class: 'visually-hidden' },
      element('caption', {}, words.say('phases')),
      element('thead', {}, head),
      this.#table,
    );
    this.element = element('div', { class: 'turn-chart' }, this.#plot, table);
  }

  /**
   * @param {Turn} turn
   * @param {number} now By performance.now().
   */
  show(turn, now) {
    if (turn === this.#shown && turn.spans.every(({ end }) => end !== null)) return;
    this.#shown = turn;
    const { bars, ms, spokenAt, heardAt } = layOut(turn, now);
    for (const [phase, row] of this.#rows)
      row.show(
        bars.filter((bar) => bar.phase === phase),
        ms,
        this.#context.words.lang,
      );
    this.#wait.hidden = spokenAt === null || heardAt === null;
    if (spokenAt !== null && heardAt !== null) this.#showWait(spokenAt, heardAt, ms);
    fill(this.#table, ...bars.map((bar) => this.#line(bar)));
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {number} ms
   */
  #showWait(from, to, ms) {
    this.#wait.style.insetInlineStart = `${(from / ms) * 100}%`;
    this.#wait.style.inlineSize = `${((to - from) / ms) * 100}%`;
    write(this.#waitLabel, `${inSeconds(to - from, this.#context.words.lang)} s`);
  }

  /** @param {Bar} bar */
  #line({ phase, from, ms, lasts }) {
    const { words } = this.#context;
    const took = lasts ? words.say('phase_lasts', { time: inMs(ms, words.lang) }) : inMs(ms, words.lang);
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, words.shared(`phase_${phase}`)),
      element('td', {}, inMs(from, words.lang)),
      element('td', {}, took),
    );
  }
}

/** A phase: its name, its bars, its milliseconds. */
class PhaseRow {
  #track = element('div', { class: 'chart-track' });
  #value = element('span', { class: 'chart-value' });

  /**
   * @param {Phase} phase
   * @param {string} label
   */
  constructor(phase, label) {
    const name = element('span', { class: 'chart-label' }, label);
    this.element = element('div', { class: 'chart-row', 'data-phase': phase }, name, this.#track, this.#value);
  }

  /**
   * @param {readonly Bar[]} bars
   * @param {number} ms The turn's length.
   * @param {string} lang
   */
  show(bars, ms, lang) {
    while (this.#track.children.length > bars.length) this.#track.lastChild?.remove();
    while (this.#track.children.length < bars.length) this.#track.append(element('div', { class: 'chart-bar' }));
    bars.forEach((bar, index) => place(/** @type {HTMLElement} */ (this.#track.children[index]), bar, ms));
    const sum = bars.reduce((total, bar) => total + bar.ms, 0);
    write(this.#value, bars.length === 0 ? '–' : inMs(sum, lang));
  }
}

/**
 * @param {HTMLElement} drawn
 * @param {Bar} bar
 * @param {number} ms
 */
function place(drawn, bar, ms) {
  drawn.style.insetInlineStart = `${(bar.from / ms) * 100}%`;
  drawn.style.inlineSize = `${(bar.ms / ms) * 100}%`;
  drawn.toggleAttribute('data-lasts', bar.lasts);
}
