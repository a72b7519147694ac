// The panel "Events": what goes over the wire, to be searched and taken along.

import { element, fill, setAttribute, uniqueId, write } from './dom.js';
import { filtered, GROUPS, groupOf, toJsonLines, withoutSecrets } from './event-filter.js';
import { asFineClock } from './format.js';
import { icon } from './icons.js';
import { VirtualList } from './virtual-list.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('./event-filter.js').Logged} Logged */
/** @typedef {import('./event-filter.js').Filter} Filter */

/** The log of both directions. */
export class EventsPanel {
  #context;
  #shown = false;
  /** @type {readonly Logged[] | null} */
  #paused = null;
  #request = 0;
  #search;
  #direction;
  #group;
  #pause;
  #count = element('span', { class: 'events-count' });
  #list;
  #view = element('div', { class: 'event-view', hidden: true });
  #empty = element('p', { class: 'empty' });

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const { words, conversation } = context;
    this.label = words.say('tab_events');
    const changed = () => this.#refresh();
    this.#search = element('input', {
      class: 'field',
      type: 'search',
      placeholder: words.say('events_search'),
      'aria-label': words.say('events_search'),
      oninput: changed,
    });
    this.#direction = choice(
      words.say('events_direction'),
      ['both', 'in', 'out'].map((key) => [key, words.say(/** @type {'events_both'} */ (`events_${key}`))]),
      changed,
    );
    this.#group = choice(
      words.say('events_group'),
      [['all', words.say('events_all')], ...GROUPS.map((group) => [group, words.say(`group_${group}`)])],
      changed,
    );
    this.#pause = tool('pause', words.say('events_pause'), () => this.#togglePause());
    const save = tool('download', words.say('events_export'), () => this.#export());
    const bar = element(
      'div',
      { class: 'events-bar' },
      this.#search,
      element('div', { class: 'events-tools' }, this.#direction, this.#group, this.#pause, save),
    );
    this.#list = new VirtualList(
      words.say('tab_events'),
      (logged) => row(logged, words),
      (logged) => this.#open(logged),
    );
    this.element = element(
      'div',
      { class: 'events-panel' },
      bar,
      this.#count,
      this.#list.element,
      this.#empty,
      this.#view,
    );
    for (const type of ['event', 'sent', 'begun']) conversation.addEventListener(type, () => this.#changed());
    conversation.addEventListener('begun', () => this.#close());
  }

  /** @param {boolean} shown */
  show(shown) {
    this.#shown = shown;
    this.#refresh();
  }

  // Events come in bursts: one drawing to a frame is enough.
  #changed() {
    if (!this.#shown || this.#paused !== null || this.#request !== 0) return;
    this.#request = requestAnimationFrame(() => {
      this.#request = 0;
      this.#refresh();
    });
  }

  /** @returns {Filter} */
  get #filter() {
    const [direction, group] = [this.#direction.value, this.#group.value];
    return {
      search: this.#search.value,
      direction: /** @type {Filter['direction']} */ (direction),
      group: /** @type {Filter['group']} */ (group),
    };
  }

  #refresh() {
    if (!this.#shown) return;
    const log = this.#paused ?? this.#context.conversation.log;
    const found = filtered(log, this.#filter);
    const { words } = this.#context;
    this.#list.show(found === log ? [...log] : found);
    write(this.#count, words.say('events_count', { shown: found.length, all: log.length }));
    this.#empty.hidden = found.length > 0;
    this.#list.element.hidden = found.length === 0;
    write(this.#empty, words.say(log.length === 0 ? 'events_empty' : 'events_none'));
  }

  #togglePause() {
    this.#paused = this.#paused === null ? [...this.#context.conversation.log] : null;
    const label = this.#context.words.say(this.#paused ? 'events_resume' : 'events_pause');
    setAttribute(this.#pause, 'aria-label', label);
    setAttribute(this.#pause, 'title', label);
    setAttribute(this.#pause, 'data-on', this.#paused !== null);
    fill(this.#pause, icon(this.#paused ? 'play' : 'pause'));
    this.#refresh();
  }

  /** @param {Logged} logged */
  #open(logged) {
    const { words } = this.#context;
    const json = JSON.stringify(withoutSecrets(logged.event), null, 2);
    const id = uniqueId('event');
    const title = element('h2', { class: 'event-title', id }, logged.event.type);
    const copy = tool('copy', words.say('copy'), () => void navigator.clipboard?.writeText(json));
    const close = tool('cross', words.shared('dismiss'), () => this.#close());
    const code = element('pre', { class: 'code event-json', tabindex: '0', 'aria-labelledby': id }, json);
    fill(this.#view, element('div', { class: 'event-head' }, title, copy, close), code);
    this.#view.hidden = false;
  }

  #close() {
    this.#view.hidden = true;
    this.#list.choose(null);
  }

  #export() {
    const log = filtered(this.#paused ?? this.#context.conversation.log, this.#filter);
    const file = new Blob([toJsonLines(log, performance.timeOrigin)], { type: 'application/jsonl' });
    const url = URL.createObjectURL(file);
    element('a', {
      href: url,
      download: `antiphon-events-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.jsonl`,
    }).click();
    window.setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser has begun to save it by then
  }
}

/**
 * @param {Logged} logged
 * @param {import('./texts/index.js').Words} words
 * @returns {Node[]}
 */
function row({ at, direction, event, transport }, words) {
  const arrow = element(
    'span',
    {
      class: 'event-direction',
      'data-direction': direction,
      role: 'img',
      'aria-label': words.say(`events_${direction}`),
    },
    direction === 'in' ? '↓' : '↑',
  );
  const cut = event.type.lastIndexOf('.') + 1;
  const stem = element('span', { class: 'event-stem' }, event.type.slice(0, Math.max(0, cut - 1)));
  const last = event.type.slice(cut === 0 ? 0 : cut - 1); // what tells .delta from .done stays to be seen
  const type = element('span', { class: 'event-type', 'data-group': groupOf(event.type) }, stem, last);
  return [
    element('span', { class: 'event-time' }, asFineClock(at)),
    arrow,
    type,
    element('span', { class: 'event-transport' }, transport),
  ];
}

/**
 * @param {string} label
 * @param {readonly (readonly string[])[]} options
 * @param {() => void} onchange
 */
function choice(label, options, onchange) {
  const items = options.map(([value = '', text = '']) => element('option', { value }, text));
  return element('select', { class: 'field', 'aria-label': label, onchange }, ...items);
}

/**
 * @param {import('./icons.js').IconName} symbol
 * @param {string} label
 * @param {() => void} onclick
 */
function tool(symbol, label, onclick) {
  return element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick },
    icon(symbol),
  );
}
