// A conversation as chat completions take it: docs/chat.md, "What is said in whose name".

/** @typedef {{ role: string, content: string | null, tool_call_id?: string, tool_calls?: object[] }} ChatMessage */

const MOST_CHARACTERS = 400_000; // a request is at most 1 MB

/**
 * Returns an item of the Realtime API as a message; null for what has no text.
 *
 * @param {any} item
 * @returns {ChatMessage | null}
 */
export function messageOf(item) {
  if (item?.type === 'function_call_output') {
    return { role: 'tool', tool_call_id: String(item.call_id), content: String(item.output) };
  }
  if (item?.type === 'function_call') return callMessage([item]);
  const content = textOf(item);
  return item?.type === 'message' && content ? { role: String(item.role), content } : null;
}

/**
 * @param {any[]} calls Items of type `function_call`.
 * @param {string} [text] What was said beside them.
 * @returns {ChatMessage}
 */
export function callMessage(calls, text = '') {
  const told = calls.map(({ call_id: id, name, arguments: given }) => {
    return { id, type: 'function', function: { name, arguments: given } };
  });
  return { role: 'assistant', content: text || null, tool_calls: told };
}

/** @param {any} item */
function textOf(item) {
  const parts = Array.isArray(item?.content) ? item.content : [];
  return parts.map((/** @type {any} */ part) => part?.text ?? part?.transcript ?? '').join('');
}

/**
 * Returns the tools of a session as chat completions take them.
 *
 * @param {any} tools
 */
export function chatTools(tools) {
  const functions = (Array.isArray(tools) ? tools : []).filter((tool) => tool?.type === 'function');
  return functions.map(({ name, description, parameters }) => {
    return { type: 'function', function: { name, description, parameters } };
  });
}

/**
 * Returns the last messages, as many as a request takes.
 *
 * @param {readonly ChatMessage[]} messages
 */
export function latest(messages) {
  let [size, first] = [0, messages.length];
  while (first > 0 && size < MOST_CHARACTERS) size += JSON.stringify(messages[--first]).length;
  if (size >= MOST_CHARACTERS && first < messages.length - 1) first++;
  // A function's result means nothing without its call.
  while (messages[first]?.role === 'tool' && first < messages.length - 1 && first > 0) first++;
  return messages.slice(first);
}
