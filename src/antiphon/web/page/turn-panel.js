// The panel "Turn": how fast the answer came and why, the session's turns, and its facts.

import { element, fill, write } from './dom.js';
import { asDuration, inSeconds } from './format.js';
import { SessionChart } from './session-chart.js';
import { TurnChart } from './turn-chart.js';
import { medianResponse, turnAt } from './turn-facts.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').Turn} Turn */

const REFRESH_MS = 200;

/** Shows the turn that was chosen, or the newest one. */
export class TurnPanel {
  #context;
  #chart;
  #session;
  /** @type {string | null} */
  #chosen = null;
  #shown = false;
  #timer = 0;
  #title = element('h2', { class: 'panel-title' });
  #number = element('span', { class: 'big-number' });
  #unit = element('span', { class: 'big-unit' });
  #status = element('span', { class: 'turn-status' });
  #newest;
  #facts = element('dl', { class: 'facts' });
  #told = '';
  #body;
  #empty;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const { words, conversation } = context;
    this.label = words.say('tab_turn');
    this.#chart = new TurnChart(context);
    this.#session = new SessionChart(context, (turn) => this.#choose(turn.id));
    this.#newest = element(
      'button',
      { type: 'button', class: 'link-button', onclick: () => this.#choose(null) },
      words.say('turn_newest'),
    );
    this.#empty = element(
      'div',
      { class: 'empty' },
      element('h2', { class: 'panel-title' }, words.say('turn_empty_title')),
      element('p', {}, words.say('turn_empty')),
    );
    const head = element('div', { class: 'panel-head' }, this.#title, this.#status, this.#newest);
    const figure = element('p', { class: 'big-figure' }, this.#number, this.#unit);
    const session = element(
      'section',
      { class: 'panel-section' },
      element('h2', { class: 'panel-title' }, words.say('session_timeline')),
      this.#session.element,
    );
    this.#body = element(
      'div',
      {},
      element('section', { class: 'panel-section' }, head, figure, this.#chart.element),
      session,
    );
    const facts = element(
      'section',
      { class: 'panel-section' },
      element('h2', { class: 'panel-title' }, words.say('session_facts')),
      this.#facts,
    );
    this.element = element('div', { class: 'turn-panel' }, this.#empty, this.#body, facts);
    for (const type of ['turn', 'state', 'session', 'begun'])
      conversation.addEventListener(type, () => this.#refresh());
    conversation.addEventListener('begun', () => this.#choose(null));
  }

  /** @param {boolean} shown */
  show(shown) {
    this.#shown = shown;
    window.clearInterval(this.#timer);
    if (!shown) return;
    this.#timer = window.setInterval(() => this.#tick(), REFRESH_MS);
    this.#refresh();
  }

  /** @param {number} at By performance.now(): shows the turn of that time. */
  showTurnAt(at) {
    this.#choose(turnAt(this.#context.conversation.turns, at)?.id ?? null);
  }

  /** @param {string | null} id Null for the newest one, whichever that is. */
  #choose(id) {
    this.#chosen = id;
    this.#refresh();
  }

  #tick() {
    if (!document.hidden && this.#context.conversation.connected) this.#refresh();
  }

  #refresh() {
    if (!this.#shown) return;
    const { turns } = this.#context.conversation;
    const found = turns.find(({ id }) => id === this.#chosen) ?? turns.at(-1);
    this.#empty.hidden = found !== undefined;
    this.#body.hidden = found === undefined;
    this.#newest.hidden = found === turns.at(-1);
    if (found) this.#showTurn(found);
    this.#showFacts();
  }

  /** @param {Turn} turn */
  #showTurn(turn) {
    const { words, conversation } = this.#context;
    const now = conversation.ended ?? performance.now();
    write(this.#title, words.say('turn_number', { number: turn.number }));
    write(this.#status, words.say(`turn_${turn.status}`));
    this.#status.dataset.status = turn.status;
    write(this.#number, turn.responseMs === null ? '–' : `${inSeconds(turn.responseMs, words.lang)} s`);
    write(
      this.#unit,
      turn.responseMs === null
        ? words.say(turn.status === 'going' ? 'no_sound_yet' : 'no_sound')
        : words.say('first_sound'),
    );
    this.#chart.show(turn, now);
    this.#session.show(turn.id, now);
  }

  #showFacts() {
    const { words } = this.#context;
    const facts = this.#lines();
    if (JSON.stringify(facts) === this.#told) return; // what is being selected stays selected
    this.#told = JSON.stringify(facts);
    const lines = facts.map(([key, value]) =>
      element('div', { class: 'fact' }, element('dt', {}, words.say(key)), element('dd', {}, value)),
    );
    fill(this.#facts, ...lines);
  }

  /** @returns {(readonly [import('./texts/index.js').TextKey, string])[]} */
  #lines() {
    const { conversation, words, settings } = this.#context;
    const { session, turns, began, ended } = conversation;
    const median = medianResponse(turns);
    return [
      ['fact_model', String(session?.model ?? settings.model)],
      ['fact_session', String(session?.id ?? '–')],
      ['fact_duration', began === null ? '–' : asDuration((ended ?? performance.now()) - began)],
      ['fact_turns', String(turns.at(-1)?.number ?? 0)],
      ['fact_median', median === null ? '–' : `${inSeconds(median, words.lang)} s`],
      ['fact_version', settings.version || '–'],
    ];
  }
}
