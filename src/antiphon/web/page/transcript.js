// What both sides said, as it grows.

import { element, fill, setAttribute, write } from './dom.js';
import { asClock, prettyJson } from './format.js';
import { icon } from './icons.js';
import { asText, cutText } from './transcript-text.js';
import { ToolCard } from './tool-card.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').Entry} Entry */

const NEAR = 64; // CSS pixels: nearer to the end than this counts as being there

/** The list of entries; it keeps to its end until the user scrolls away from it. */
export class Transcript {
  #context;
  #choose;
  #list = element('ol', { class: 'entries' });
  #scroller;
  #latest;
  #empty;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #follows = true;
  #top = 0;

  /**
   * @param {Context} context
   * @param {{ choose: (at: number) => void, samples: HTMLElement }} parts `choose` is told when a moment of an answer was chosen.
   */
  constructor(context, { choose, samples }) {
    this.#context = context;
    this.#choose = choose;
    const { conversation, words } = context;
    this.#empty = element(
      'div',
      { class: 'transcript-empty' },
      element('p', {}, words.shared('captions_empty')),
      samples,
    );
    this.#scroller = element(
      'div',
      {
        class: 'transcript-scroller',
        tabindex: '0',
        role: 'region',
        'aria-label': words.shared('captions'),
        onscroll: () => this.#scrolled(),
      },
      this.#empty,
      this.#list,
    );
    this.#latest = element(
      'button',
      { type: 'button', class: 'latest', hidden: true, onclick: () => this.#toEnd() },
      icon('down'),
      words.shared('latest'),
    );
    this.element = element('section', { class: 'transcript' }, this.#scroller, this.#latest);
    conversation.addEventListener('history', (event) => this.#follow(/** @type {CustomEvent} */ (event).detail));
    conversation.addEventListener('begun', () => this.show());
    new ResizeObserver(() => this.#keepEnd()).observe(this.#scroller);
  }

  /** @param {Entry | null} entry What changed; null when all may be another. */
  #follow(entry) {
    const row = this.#rows.get(entry?.id ?? '');
    // What grows is the only one that changes, with each of its words.
    const growsAlone = entry?.status === 'growing' && this.#rows.size === this.#context.conversation.history.length;
    if (!row || !growsAlone) return this.show();
    row.show(entry);
    this.#keepEnd();
  }

  show() {
    const { history } = this.#context.conversation;
    const ids = new Set(history.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!ids.has(id)) this.#drop(id, row);
    history.forEach((entry, index) => this.#place(entry, index));
    this.#empty.hidden = history.length > 0;
    this.#keepEnd();
  }

  /**
   * @param {Entry} entry
   * @param {number} index
   */
  #place(entry, index) {
    const row = this.#rows.get(entry.id) ?? new Row(this.#context, () => this.#choose(entry.at));
    this.#rows.set(entry.id, row);
    row.show(entry);
    if (this.#list.children[index] !== row.element)
      this.#list.insertBefore(row.element, this.#list.children[index] ?? null);
  }

  /**
   * @param {string} id
   * @param {Row} row
   */
  #drop(id, row) {
    row.element.remove();
    this.#rows.delete(id);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR;
    // Only who scrolls up leaves the end: it moves away by itself when there is more text, or less room.
    if (isNear) this.#follows = true;
    else if (scrollTop < this.#top) this.#follows = false;
    this.#top = scrollTop;
    this.#latest.hidden = this.#follows;
  }

  #keepEnd() {
    if (!this.#empty.hidden) this.#scroller.scrollTop = 0;
    else if (this.#follows) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #toEnd() {
    this.#follows = true;
    this.#latest.hidden = true;
    this.#keepEnd();
    this.#scroller.focus();
  }

  /** @returns {string} All that was said, for the clipboard. */
  text() {
    const { conversation, words } = this.#context;
    return asText(conversation.history, {
      name: (from) => nameOf(from, words),
      clock: (at) => asClock(at, words.lang),
      cut: words.say('cut_here'),
    });
  }
}

/**
 * @param {Entry['from']} from
 * @param {import('./texts/index.js').Words} words
 */
function nameOf(from, words) {
  return from === 'tool' ? words.say('tool') : words.shared(from === 'user' ? 'you' : 'assistant');
}

/** One entry. */
class Row {
  #context;
  #name = element('span', { class: 'entry-name' });
  #how = element('span', { class: 'entry-how' });
  #time = element('button', { type: 'button', class: 'entry-time' });
  #body = element('div', { class: 'entry-body' });
  /** @type {ToolCard | null} */
  #card = null;
  /** @type {Entry | null} */
  #shown = null;

  /**
   * @param {Context} context
   * @param {() => void} choose
   */
  constructor(context, choose) {
    this.#context = context;
    this.#time.addEventListener('click', choose);
    const head = element('div', { class: 'entry-head' }, this.#name, this.#how, this.#time);
    this.element = element('li', { class: 'entry' }, head, this.#body);
  }

  /** @param {Entry} entry */
  show(entry) {
    if (entry === this.#shown) return; // one that changed is another object
    this.#shown = entry;
    this.#showHead(entry);
    if (entry.call) this.#showCall(entry.call);
    else this.#showText(entry);
  }

  /** @param {Entry} entry */
  #showHead(entry) {
    const { words } = this.#context;
    setAttribute(this.element, 'data-from', entry.from);
    setAttribute(this.element, 'data-status', entry.status);
    write(this.#name, nameOf(entry.from, words));
    write(this.#how, entry.from === 'user' ? words.say(entry.spoken ? 'spoken' : 'written') : '');
    const time = asClock(entry.at, words.lang);
    write(this.#time, time);
    setAttribute(this.#time, 'aria-label', words.say('show_turn_of', { time }));
    setAttribute(this.#time, 'title', words.say('show_turn'));
  }

  /** @param {Entry} entry */
  #showText(entry) {
    const { words } = this.#context;
    if (entry.pending && entry.text === '') return fill(this.#body, pendingMark(words.shared('transcript_pending')));
    const { heard, unheard } = cutText(entry);
    const text = element('p', { class: 'entry-text', dir: 'auto' }, element('span', {}, heard));
    if (entry.status === 'cut') text.append(...this.#cut(unheard));
    if (entry.status === 'growing' || entry.pending)
      text.append(element('span', { class: 'caret', 'aria-hidden': 'true' }));
    fill(this.#body, text);
  }

  /**
   * @param {string} unheard
   * @returns {(Node | string)[]}
   */
  #cut(unheard) {
    const { words } = this.#context;
    const note = element('span', { class: 'cut-note' }, words.say('cut_here'));
    if (unheard.trim() === '') return [' ', note];
    const hidden = element('span', { class: 'visually-hidden' }, ` ${words.shared('unheard_begin')} `);
    return [' ', note, hidden, element('s', { class: 'unheard' }, unheard)];
  }

  /** @param {import('../client/types.js').ToolCall} call */
  #showCall(call) {
    this.#card ??= new ToolCard(this.#context);
    this.#card.show({ ...call, arguments: prettyJson(call.arguments) });
    if (this.#body.firstChild !== this.#card.element) fill(this.#body, this.#card.element);
  }
}

/** @param {string} label */
function pendingMark(label) {
  const dots = element('span', { class: 'dots', 'aria-hidden': 'true' }, element('i'), element('i'), element('i'));
  return element('p', { class: 'entry-text pending' }, dots, element('span', { class: 'pending-text' }, label));
}
