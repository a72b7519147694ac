// What a screen reader is told: the turns of the conversation, not each of its moments. While people talk, words that are read
// aloud would be in the way, and the microphone would hear them.

/** @typedef {import('../client/types.js').Entry} Entry */
/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./look.js').Look} Look */

/**
 * @param {Look} before
 * @param {Look} after
 * @param {Texts} texts
 * @returns {string} '' when there is nothing to say.
 */
export function announcement(before, after, texts) {
  return [phaseWords(before, after, texts), troubleWords(before, after, texts)].filter(Boolean).join(' ');
}

/**
 * @param {Look} before
 * @param {Look} after
 * @param {Texts} texts
 */
function phaseWords(before, after, texts) {
  if (before.phase === after.phase && before.headline === after.headline) return '';
  switch (after.phase) {
    case 'connecting':
      return after.headline === 'state_asking' ? texts.hint_asking : texts.state_connecting;
    case 'connected':
      if (before.phase === 'connected') return '';
      return after.canMute ? texts.told_connected : texts.told_connected_text;
    case 'reconnecting':
      return before.phase === 'reconnecting' ? '' : texts.state_reconnecting;
    case 'closed':
      return after.trouble ? '' : texts.state_closed;
    case 'idle':
      return '';
  }
}

/**
 * @param {Look} before
 * @param {Look} after
 * @param {Texts} texts
 */
function troubleWords({ trouble: before }, { trouble: after }, texts) {
  if (!after || (before && before.problem.code === after.problem.code && before.grave === after.grave)) return '';
  const { what, cure } = texts.problems[after.problem.code];
  return [what, cure, after.goesOn ? texts.text_goes_on : ''].filter(Boolean).join(' ');
}

/**
 * What was written rather than said, once it is whole.
 *
 * @param {Entry} entry
 * @returns {boolean}
 */
export function isToBeRead(entry) {
  return entry.from === 'assistant' && !entry.spoken && entry.status !== 'growing' && entry.text !== '';
}
