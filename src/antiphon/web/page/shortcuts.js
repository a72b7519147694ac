// Keys: Escape interrupts, M mutes, Space is held to speak where turns are taken by hand.

import { isTyping } from './dom.js';

/** @typedef {import('./context.js').Context} Context */

/**
 * @param {Context} context
 * @param {{ hold: (held: boolean) => void, mute: () => void }} actions
 * @param {AbortSignal} signal
 */
export function listenForShortcuts({ conversation }, { hold, mute }, signal) {
  const down = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') conversation.interrupt();
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === 'm' && !event.repeat) mute();
    if (isHold(event, conversation)) held(event, () => hold(true));
  };
  const up = (/** @type {KeyboardEvent} */ event) => {
    if (event.code === 'Space') hold(false);
  };
  document.addEventListener('keydown', down, { signal });
  document.addEventListener('keyup', up, { signal });
  window.addEventListener('blur', () => hold(false), { signal }); // a key let go elsewhere is not seen
}

/**
 * @param {KeyboardEvent} event
 * @param {import('./conversation.js').Conversation} conversation
 */
function isHold({ code, target }, conversation) {
  const presses = target instanceof Element && target.closest('button, summary, a, [role=option], [role=listbox]');
  return code === 'Space' && conversation.byHand && !presses;
}

/**
 * @param {KeyboardEvent} event
 * @param {() => void} begin
 */
function held(event, begin) {
  event.preventDefault();
  if (!event.repeat) begin();
}
