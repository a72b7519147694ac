// What both sides said, as it grows.
import { say } from '../texts/index.js';
import { icon, make, setAttribute, write } from './dom.js';

/** @typedef {import('../client/types.js').Entry} Entry */
/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./look.js').Look} Look */

// Of a long conversation, the last part: the page's memory is bounded.
const MOST_ENTRIES = 200;
// Who has scrolled up further than this is reading, and is left there.
const NEAR_END_PX = 48;

/** @type {Record<import('../client/types.js').ToolCall['status'], import('../texts/index.js').TextKey>} */
export const TOOL_TEXTS = {
  running: 'tool_running',
  done: 'tool_done',
  failed: 'tool_failed',
  elsewhere: 'tool_elsewhere',
};

/** One entry of the log. */
class Line {
  #speaker = make('span', { class: 'for-readers' });
  #heard = make('span', { part: 'heard' });
  #cutWords = make('span', { class: 'for-readers' });
  #unheard = make('s', { part: 'unheard' });
  #dots = make('span', { class: 'dots', 'aria-hidden': 'true' }, make('i'), make('i'), make('i'));
  #pending = make('span', { class: 'for-readers' });
  #cut = make('span', { part: 'cut-off', class: 'cut-off', 'aria-hidden': 'true' });
  #words = make('p', { dir: 'auto' }, this.#heard, this.#cutWords, this.#unheard, this.#dots, this.#pending);
  element = make('li', {}, this.#speaker, this.#words, this.#cut);

  /**
   * @param {Entry} entry
   * @param {Texts} texts
   */
  update(entry, texts) {
    setAttribute(this.element, 'part', `entry entry-${entry.from}`);
    setAttribute(this.element, 'class', `entry ${entry.from}`);
    write(this.#speaker, `${entry.from === 'user' ? texts.you : texts.assistant}: `);
    const { heard, unheard } = splitHeard(entry);
    write(this.#heard, heard);
    write(this.#unheard, unheard);
    write(this.#cutWords, unheard ? ` ${texts.unheard_begin} ` : '');
    const awaited = entry.pending || (entry.status === 'growing' && entry.text === '');
    this.#dots.hidden = !awaited;
    write(this.#pending, entry.pending ? texts.transcript_pending : '');
    this.#cut.hidden = entry.status !== 'cut';
    write(this.#cut, texts.cut_off);
  }
}

/** A call of a tool, as a note between what was said. */
class Note {
  #words = make('span');
  element = make('li', { part: 'entry entry-tool', class: 'entry tool' }, icon('tool'), this.#words);

  /**
   * @param {Entry} entry
   * @param {Texts} texts
   */
  update({ call }, texts) {
    if (!call) return;
    this.element.dataset['status'] = call.status;
    write(this.#words, say(texts, TOOL_TEXTS[call.status], { name: call.name }));
  }
}

/** The log of both sides. */
export class Captions {
  #list = make('ol');
  #empty = make('p', { class: 'empty' });
  // Its words are read aloud by the conversation itself; what is only written is announced apart.
  #log = make(
    'div',
    { role: 'log', 'aria-live': 'off', tabindex: '0', part: 'log', class: 'log' },
    this.#list,
    this.#empty,
  );
  #latest = make('button', { type: 'button', part: 'latest', class: 'latest', hidden: true }, icon('down'));
  element = make('div', { part: 'captions', class: 'captions' }, this.#log, this.#latest);
  /** @type {Map<string, Line | Note>} */
  #lines = new Map();
  /** @type {readonly Entry[]} */
  #history = [];
  /** @type {Texts | null} */
  #texts = null;
  #follows = true;

  constructor() {
    this.#latest.addEventListener('click', () => this.#follow());
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    // A problem, or the menu, takes some of its room.
    new ResizeObserver(() => this.#settle()).observe(this.#log);
  }

  /**
   * @param {Look} look
   * @param {Texts} texts
   */
  update(look, texts) {
    const appears = this.element.hidden && look.captions;
    this.element.hidden = !look.captions;
    setAttribute(this.#log, 'aria-label', texts.captions);
    setAttribute(this.#latest, 'aria-label', texts.latest);
    setAttribute(this.#latest, 'title', texts.latest);
    write(this.#empty, texts.captions_empty);
    if (this.#texts !== texts) {
      this.#texts = texts;
      this.show(this.#history);
    }
    if (appears) this.#follow();
  }

  /** @param {readonly Entry[]} history All of it. */
  show(history) {
    this.#history = history;
    const shown = history.slice(-MOST_ENTRIES);
    this.#forget(new Set(shown.map(({ id }) => id)));
    shown.forEach((entry, i) => this.#place(entry, i));
    this.#empty.hidden = shown.length > 0;
    this.#settle();
  }

  /**
   * @param {Entry} entry
   * @param {number} i
   */
  #place(entry, i) {
    const line = this.#lines.get(entry.id) ?? (entry.from === 'tool' ? new Note() : new Line());
    this.#lines.set(entry.id, line);
    if (this.#texts) line.update(entry, this.#texts);
    const there = this.#list.children[i] ?? null;
    if (there !== line.element) this.#list.insertBefore(line.element, there);
  }

  /** @param {ReadonlySet<string>} wanted */
  #forget(wanted) {
    for (const [id, line] of this.#lines) {
      if (wanted.has(id)) continue;
      line.element.remove();
      this.#lines.delete(id);
    }
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #scrolled() {
    this.#follows = this.#isAtEnd();
    this.#markPlace();
  }

  #settle() {
    if (this.#follows) this.#follow();
    else this.#markPlace();
  }

  #follow() {
    this.#follows = true;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#markPlace();
  }

  #markPlace() {
    const gone = this.#isAtEnd() && !this.#latest.hidden;
    // Focus that would vanish with the button goes to what the button led to.
    if (gone && this.#latest.matches(':focus')) this.#log.focus();
    this.#latest.hidden = this.#isAtEnd();
    setAttribute(this.#log, 'data-above', this.#log.scrollTop > 0);
  }
}

/**
 * @param {Pick<Entry, 'text' | 'heard' | 'status'>} entry
 * @returns {{ heard: string, unheard: string }} Never cut inside a character that takes two units.
 */
export function splitHeard({ text, heard, status }) {
  if (status !== 'cut' || heard === null) return { heard: text, unheard: '' };
  const at = Math.max(0, Math.min(text.length, heard));
  const end = isInsidePair(text, at) ? at + 1 : at;
  return { heard: text.slice(0, end), unheard: text.slice(end) };
}

/**
 * @param {string} text
 * @param {number} at
 */
function isInsidePair(text, at) {
  const unit = text.charCodeAt(at);
  return at > 0 && unit >= 0xdc00 && unit <= 0xdfff;
}
