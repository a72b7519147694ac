// The conversation as text: cut into what was heard and what was not, and whole for copying.

/** @typedef {import('../client/types.js').Entry} Entry */

/**
 * @param {Entry} entry
 * @returns {{ heard: string, unheard: string }} The entry's text, cut where the user stopped hearing it; at the end of a word.
 */
export function cutText({ text, heard, status }) {
  if (status !== 'cut' || heard === null || heard >= text.length) return { heard: text, unheard: '' };
  const at = wordEnd(text, heard);
  return { heard: text.slice(0, at), unheard: text.slice(at) };
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {number} The end of the word that `at` lies in; `at` itself in writing without spaces.
 */
function wordEnd(text, at) {
  const rest = text.slice(at).search(/\s/);
  const end = rest < 0 ? text.length : at + rest;
  return at === 0 || end - at > 16 ? at : end;
}

/**
 * @param {readonly Entry[]} history
 * @param {{ name: (from: Entry['from']) => string, clock: (at: number) => string, cut: string }} words
 * @returns {string} A paragraph to an entry.
 */
export function asText(history, words) {
  return history
    .map((entry) => `[${words.clock(entry.at)}] ${words.name(entry.from)}: ${bodyOf(entry, words.cut)}\n`)
    .join('');
}

/**
 * @param {Entry} entry
 * @param {string} cut
 */
function bodyOf(entry, cut) {
  if (entry.call) return `${entry.call.name}(${entry.call.arguments}) -> ${entry.call.output ?? '…'}`;
  const { heard, unheard } = cutText(entry);
  return unheard === '' ? heard : `${heard} [${cut}]${unheard}`;
}
