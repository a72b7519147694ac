// One item of the conversation as the history keeps it, and how much of its text was heard when it broke off: the API tells a time,
// and people want the words.

/** @typedef {import('./events.js').Item} Item */
/** @typedef {import('./types.js').Entry} Entry */

// English at a usual pace is spoken at 15 letters a second; until something was heard of this voice, that is what is known.
const LETTERS_PER_MS = 0.015;
// One sign of Chinese or Japanese takes as long to say as three letters, and so does a digit: they stand for words.
const LONG = /[0-9\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]/;
const LONG_LETTERS = 3;
// Of a word that was cut the beginning is no word; longer ones are no words, and are cut anywhere.
const LONGEST_WORD = 24;
// Below this, pauses and delays weigh more than speech does.
const LEAST_MS = 1000;

/** @param {string} text */
function letters(text) {
  let sum = 0;
  for (const sign of text) sum += LONG.test(sign) ? LONG_LETTERS : sign.length;
  return sum;
}

/** What is known of a voice's pace: from answers that were played to their end. */
export class Pace {
  #lettersPerMs = LETTERS_PER_MS;

  /**
   * @param {string} text That was spoken.
   * @param {number} ms How long that took.
   */
  learn(text, ms) {
    if (ms < LEAST_MS || !text) return;
    const latest = letters(text) / ms;
    this.#lettersPerMs = (this.#lettersPerMs + latest) / 2;
  }

  /**
   * Return how many characters of a text are spoken in a time.
   *
   * @param {string} text
   * @param {number} ms
   */
  characters(text, ms) {
    const budget = ms * this.#lettersPerMs;
    let spent = 0;
    let count = 0;
    for (const sign of text) {
      spent += LONG.test(sign) ? LONG_LETTERS : sign.length;
      if (spent > budget) break;
      count += sign.length;
    }
    return count;
  }
}

/**
 * Text and audio of one answer in step, where audio comes in events: servers send the words shortly before their sound.
 */
export class SpokenText {
  /** @type {{ ms: number, characters: number }[]} Text from there on begins at that time. */
  #marks = [];
  #ms = 0;
  #waiting = 0; // the first character that no audio has followed yet

  /** Audio that came, in ms; 0 where it comes as media. */
  get ms() {
    return this.#ms;
  }

  /**
   * Count audio that came.
   *
   * @param {number} ms
   * @param {number} characters Of the text up to now.
   */
  addAudio(ms, characters) {
    if (characters > this.#waiting || this.#marks.length === 0) {
      this.#marks.push({ ms: this.#ms, characters: this.#waiting });
      this.#waiting = characters;
    }
    this.#ms += ms;
  }

  /**
   * Return how many characters were spoken within a time: by proportion between the places that are known.
   *
   * @param {number} ms
   * @param {number} length Of the whole text.
   */
  characters(ms, length) {
    const next = this.#marks.findIndex((mark) => mark.ms > ms);
    const before = (next < 0 ? this.#marks.at(-1) : this.#marks[next - 1]) ?? { ms: 0, characters: 0 };
    const after = this.#marks[next] ?? { ms: this.#ms, characters: length };
    const share = after.ms > before.ms ? Math.min(1, (ms - before.ms) / (after.ms - before.ms)) : 1;
    return Math.floor(before.characters + share * (after.characters - before.characters));
  }
}

/**
 * Return where a text was broken off, at the end of a word.
 *
 * @param {string} text
 * @param {number} characters About so many were spoken.
 */
export function atWord(text, characters) {
  if (characters >= text.length) return text.length;
  if (/\s/.test(text[characters] ?? '')) return characters;
  const before = text.slice(Math.max(0, characters - LONGEST_WORD), characters);
  const space = before.search(/\s\S*$/);
  if (space >= 0) return characters - before.length + space;
  return before.length === characters && !LONG.test(before) ? 0 : characters;
}

/**
 * One item. Those that nobody is to see, such as a system message, have a place and no entry.
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {Entry | null} entry
 * @property {string[]} parts Its text by content part.
 * @property {SpokenText} spoken
 * @property {number | null} heardMs Where it was truncated.
 * @property {boolean} isOld Of a session that is gone: what a new one says of it is not what was said.
 */

/**
 * @param {string} id
 * @returns {Row}
 */
export function newRow(id) {
  return { id, entry: null, parts: [], spoken: new SpokenText(), heardMs: null, isOld: false };
}

/**
 * @param {Item} item
 * @returns {Entry['from'] | null}
 */
export function speaker({ type, role }) {
  if (type === 'function_call' || type === 'mcp_call') return 'tool';
  return type === 'message' && (role === 'user' || role === 'assistant') ? role : null;
}

/** @param {Item} item */
export function isSpoken({ content = [] }) {
  return content.some(({ type }) => type.endsWith('audio'));
}

/**
 * @param {Entry} entry
 * @returns {Item[]}
 */
export function messageOf({ id, from, text, heard }) {
  const said = heard === null ? text : text.slice(0, heard);
  if (from === 'tool' || !said.trim()) return [];
  const type = from === 'user' ? 'input_text' : 'output_text';
  return [{ id, type: 'message', role: from, content: [{ type, text: said }] }];
}
