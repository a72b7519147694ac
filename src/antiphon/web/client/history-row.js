// One item of the conversation as the history keeps it.
import { SpokenText } from './heard-text.js';

/** @typedef {import('./events.js').Item} Item */
/** @typedef {import('./types.js').Entry} Entry */

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
