// What of an answer was heard, and what was not.

/** @typedef {import('../client/types.js').Entry} Entry */

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

/** @type {Record<import('../client/types.js').ToolCall['status'], import('../texts/index.js').TextKey>} */
export const TOOL_TEXTS = {
  running: 'tool_running',
  done: 'tool_done',
  failed: 'tool_failed',
  elsewhere: 'tool_elsewhere',
};
