// All turns in sequence on one axis of time; a turn can be chosen.

import { element, fill, setAttribute } from './dom.js';
import { asDuration, inSeconds } from './format.js';
import { icon } from './icons.js';
import { arrange, lengthOf, tickSeconds } from './session-scale.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').Turn} Turn */

// Short sessions fill the room there is; long ones are scrolled.
const LEAST = 8; // CSS pixels to a second
const MOST = 40;
const END = 24; // CSS pixels of room behind the present

/** The session from left to right (or from right to left, where that is how people read). */
export class SessionChart {
  #context;
  #choose;
  #scroller;
  #plane = element('div', { class: 'session-plane' });
  #axis = element('div', { class: 'session-axis', 'aria-hidden': 'true' });
  #things = element('div', { class: 'session-things', 'aria-hidden': 'true' });
  #turns;
  #follows = true;
  #scale = LEAST; // CSS pixels to a second
  #origin = Infinity; // by performance.now()
  /** @type {readonly unknown[]} What is drawn. */
  #drawn = [];
  /** @type {((ms: number) => void)[]} What grows, told the length of the axis. */
  #growing = [];

  /**
   * @param {Context} context
   * @param {(turn: Turn) => void} choose
   */
  constructor(context, choose) {
    this.#context = context;
    this.#choose = choose;
    const { words } = context;
    this.#turns = element('div', { class: 'session-turns', role: 'group', 'aria-label': words.say('turns') });
    this.#turns.addEventListener('keydown', (event) => this.#key(event));
    this.#plane.append(this.#axis, this.#things, this.#turns);
    this.#scroller = element('div', { class: 'session-scroller', onscroll: () => this.#scrolled() }, this.#plane);
    this.element = element('div', { class: 'session-chart' }, lanes(words), this.#scroller);
  }

  /**
   * @param {string | null} chosen The id of the turn that is shown.
   * @param {number} now By performance.now().
   */
  show(chosen, now) {
    const { history, turns, marks, began } = this.#context.conversation;
    const calls = history.findLast(({ from }) => from === 'tool');
    this.#fit(lengthOf(this.#origin, now));
    if (this.#isNew([turns, calls, marks, marks.length, began, chosen, this.#scale])) this.#draw(chosen, now);
    else this.#grow(lengthOf(this.#origin, now));
    if (this.#follows)
      this.#scroller.scrollLeft = (this.#context.words.direction === 'rtl' ? -1 : 1) * this.#scroller.scrollWidth;
  }

  /** @param {number} ms */
  #fit(ms) {
    const room = this.#scroller.clientWidth - END;
    this.#scale = Math.min(MOST, Math.max(LEAST, room / (ms / 1000)));
  }

  /** @param {readonly unknown[]} look */
  #isNew(look) {
    const isNew = look.some((value, index) => value !== this.#drawn[index]);
    this.#drawn = look;
    return isNew;
  }

  /**
   * @param {string | null} chosen
   * @param {number} now
   */
  #draw(chosen, now) {
    const { history, turns, marks, began } = this.#context.conversation;
    const session = arrange({ turns, history, marks, began, now });
    this.#origin = session.origin;
    this.#fit(session.ms);
    this.#growing = [];
    fill(this.#axis);
    this.#showThings(session);
    this.#showTurns(session.turns, chosen);
    this.#grow(session.ms);
  }

  /**
   * Only what reaches to the present moves with it: of a long session, all else stays as it is.
   *
   * @param {number} ms
   */
  #grow(ms) {
    this.#plane.style.inlineSize = `${this.#pixels(ms) + END}px`;
    this.#showAxis(ms);
    for (const grow of this.#growing) grow(ms);
  }

  /** @param {number} ms */
  #showAxis(ms) {
    const step = tickSeconds(this.#scale);
    for (let index = this.#axis.children.length; index * step * 1000 <= ms; index += 1)
      this.#axis.append(tick(index * step, this.#pixels(index * step * 1000)));
  }

  /** @param {number} ms */
  #pixels(ms) {
    return (ms / 1000) * this.#scale;
  }

  /** @param {ReturnType<typeof arrange>} session */
  #showThings({ turns, tools, marks }) {
    const pieces = turns.flatMap((turn) => turn.pieces).map((piece) => this.#piece(piece));
    const called = tools.map(({ entry, from }) => dot('tool', this.#pixels(from), entry.call?.name ?? ''));
    const { words } = this.#context;
    const told = marks.map(({ mark, from }) =>
      mark.type === 'transport'
        ? flag(this.#pixels(from), words.shared(`transport_${mark.name}`))
        : dot('problem', this.#pixels(from), words.problem(mark.problem).what),
    );
    fill(this.#things, ...pieces, ...called, ...told);
  }

  /** @param {import('./session-scale.js').Piece} piece */
  #piece({ lane, from, ms, lasts }) {
    const made = element('span', { class: 'session-piece', 'data-lane': lane });
    made.style.insetInlineStart = `${this.#pixels(from)}px`;
    this.#size(made, { from, ms, lasts, width: (wide) => Math.max(3, wide) });
    return made;
  }

  /**
   * @param {HTMLElement} drawn
   * @param {{ from: number, ms: number, lasts: boolean, width: (pixels: number) => number }} place
   */
  #size(drawn, { from, ms, lasts, width }) {
    const show = (/** @type {number} */ long) => (drawn.style.inlineSize = `${width(this.#pixels(long))}px`);
    show(ms);
    if (lasts) this.#growing.push((end) => show(end - from));
  }

  /**
   * @param {ReturnType<typeof arrange>['turns']} placed
   * @param {string | null} chosen
   */
  #showTurns(placed, chosen) {
    while (this.#turns.children.length > placed.length) this.#turns.lastChild?.remove();
    placed.forEach(({ turn, from, ms, lasts }, index) => {
      const button = this.#button(index);
      button.onclick = () => this.#choose(turn);
      button.style.insetInlineStart = `${this.#pixels(from) - 3}px`;
      this.#size(button, { from, ms, lasts, width: (wide) => Math.max(24, wide + 6) });
      setAttribute(button, 'aria-pressed', String(turn.id === chosen));
      setAttribute(button, 'tabindex', turn.id === chosen ? '0' : '-1');
      setAttribute(button, 'aria-label', this.#label(turn));
      setAttribute(button, 'data-status', turn.status);
    });
  }

  /** @param {number} index */
  #button(index) {
    const there = /** @type {HTMLButtonElement | undefined} */ (this.#turns.children[index]);
    if (there) return there;
    const made = element('button', { type: 'button', class: 'session-turn' });
    this.#turns.append(made);
    return made;
  }

  /** @param {Turn} turn */
  #label(turn) {
    const { words } = this.#context;
    const name = words.say('turn_number', { number: turn.number });
    return turn.responseMs === null ? name : `${name}, ${inSeconds(turn.responseMs, words.lang)} s`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    event.preventDefault();
    const forward = this.#context.words.direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    const buttons = /** @type {HTMLButtonElement[]} */ ([...this.#turns.children]);
    const at = buttons.findIndex((button) => button === document.activeElement);
    const next = buttons[Math.min(buttons.length - 1, Math.max(0, at + (event.key === forward ? 1 : -1)))];
    next?.click();
    next?.focus();
  }

  #scrolled() {
    const { scrollLeft, scrollWidth, clientWidth } = this.#scroller;
    this.#follows = scrollWidth - Math.abs(scrollLeft) - clientWidth < 48;
  }
}

/** @param {import('./texts/index.js').Words} words */
function lanes(words) {
  const names = [words.shared('you'), words.shared('assistant'), words.say('lane_line')];
  return element(
    'div',
    { class: 'session-lanes', 'aria-hidden': 'true' },
    ...names.map((name) => element('span', {}, name)),
  );
}

/**
 * @param {number} seconds
 * @param {number} at CSS pixels.
 */
function tick(seconds, at) {
  const made = element('span', { class: 'session-tick' }, asDuration(seconds * 1000));
  made.style.insetInlineStart = `${at}px`;
  return made;
}

/**
 * @param {'tool' | 'problem'} type
 * @param {number} at CSS pixels.
 * @param {string} title
 */
function dot(type, at, title) {
  const made = element(
    'span',
    { class: 'session-dot', 'data-type': type, title },
    icon(type === 'tool' ? 'tool' : 'warning'),
  );
  made.style.insetInlineStart = `${at}px`;
  return made;
}

/**
 * @param {number} at CSS pixels.
 * @param {string} name
 */
function flag(at, name) {
  const made = element('span', { class: 'session-flag' }, name);
  made.style.insetInlineStart = `${at}px`;
  return made;
}
