// Functions of the page that the model calls.

import { message } from './problems.js';

/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').Tool} Tool */
/** @typedef {import('./types.js').ToolCall} ToolCall */
/** @typedef {import('./events.js').Item} Item */

// One event over a data channel may have 256 KB.
const MOST_BYTES = 200_000;
const MOST_CALLS = 1000;

/**
 * @typedef {object} ToolParts
 * @property {(item: Item) => void} add Puts an item into the conversation.
 * @property {(itemId: string) => void} ask Wants an answer to it.
 * @property {(call: ToolCall) => void} onCall For each change of a call.
 * @property {(name: string, error: unknown) => void} onFailure
 * @property {(prefix: string) => string} newId
 */

/** Runs the page's tools, each call once, and tells the model what they give. */
export class Tools {
  #parts;
  /** @type {Map<string, Tool>} */
  #tools;
  #stop = new AbortController();
  /** @type {Map<string, ToolCall>} By call id. */
  #calls = new Map();
  /** @type {Map<string, string[]>} Calls whose results are awaited, by response. */
  #awaited = new Map();
  /** @type {Map<string, string>} The items with results, by call. */
  #answered = new Map();

  /**
   * @param {readonly Tool[]} tools
   * @param {ToolParts} parts
   */
  constructor(tools, parts) {
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.#parts = parts;
  }

  /**
   * Whether a tool is the page's own.
   *
   * @param {string} name
   */
  has(name) {
    return this.#tools.has(name);
  }

  /**
   * Return the tools as `session.update` declares them: the page's own, and others that the page's configuration has.
   *
   * @param {readonly object[]} [others]
   * @returns {object[]}
   */
  declared(others = []) {
    const own = [...this.#tools.values()].map(({ name, description, parameters }) => ({
      type: 'function',
      name,
      description,
      parameters,
    }));
    return [...own, ...others.filter((tool) => !this.has(/** @type {{ name?: string }} */ (tool).name ?? ''))];
  }

  /** Stop what is running; its results are not wanted any more. */
  close() {
    this.#stop.abort(new DOMException('The conversation is over.', 'AbortError'));
  }

  /** The session is lost, and the next one knows nothing of its calls. */
  forget() {
    this.close();
    this.#stop = new AbortController();
    this.#awaited.clear();
    for (const call of this.#calls.values()) if (call.status === 'running') this.#note({ ...call, status: 'failed' });
  }

  /**
   * Take a server event.
   *
   * @param {RealtimeEvent} given
   */
  receive(given) {
    const event = /** @type {import('./events.js').ServerEvent} */ (given);
    if (event.type === 'response.output_item.done') this.#begin(event.item);
    if (event.type === 'response.done') this.#endResponse(event.response);
    if (event.type === 'conversation.item.added' && event.item.type === 'function_call_output') {
      this.#noteAnswered(event.item.call_id ?? '', event.item.id);
    }
  }

  /** @param {Item} item */
  #begin(item) {
    const { type, status, call_id: callId, name = '', arguments: given = '' } = item;
    // A call that was broken off has half of its arguments.
    if (type !== 'function_call' || status === 'incomplete' || !callId || this.#calls.has(callId)) return;
    if (this.#calls.size >= MOST_CALLS) this.#calls.delete(this.#calls.keys().next().value ?? '');
    const tool = this.#tools.get(name);
    const call = { callId, name, arguments: given, output: null, status: /** @type {const} */ ('running') };
    this.#note(tool ? call : { ...call, status: 'elsewhere' });
    if (tool && !this.#answered.has(callId)) void this.#run(tool, call);
  }

  /** @param {import('./events.js').Response} response */
  #endResponse({ id, status, output = [] }) {
    for (const item of output) this.#begin(item); // whose own event was missed
    if (status === 'cancelled') return;
    const calls = output.flatMap(({ type, call_id: callId }) => (type === 'function_call' && callId ? [callId] : []));
    const own = calls.some((callId) => this.has(this.#calls.get(callId)?.name ?? ''));
    const open = calls.filter((callId) => !this.#answered.has(callId));
    // Where nothing is the page's own, it is not the page that goes on.
    if (!own) return;
    if (open.length > 0) this.#awaited.set(id, open);
    else this.#parts.ask(this.#answered.get(calls.at(-1) ?? '') ?? '');
  }

  /**
   * @param {Tool} tool
   * @param {ToolCall} call
   */
  async #run(tool, call) {
    const { signal } = this.#stop;
    /** @type {Pick<ToolCall, 'output' | 'status'>} */
    let result;
    try {
      const given = parsed(call.arguments);
      result = { status: 'done', output: told(await tool.execute(given, { callId: call.callId, signal })) };
    } catch (error) {
      if (!signal.aborted) this.#parts.onFailure(tool.name, error);
      result = { status: 'failed', output: JSON.stringify({ error: message(error) }) };
    }
    if (!signal.aborted) this.#answer({ ...call, ...result });
  }

  /** @param {ToolCall} call */
  #answer(call) {
    this.#note(call);
    if (this.#answered.has(call.callId)) return;
    const id = this.#parts.newId('item_');
    this.#parts.add({ id, type: 'function_call_output', call_id: call.callId, output: call.output ?? '' });
    this.#noteAnswered(call.callId, id);
  }

  /**
   * Note a result that is in the conversation, whoever gave it; the last one of a response is to be answered.
   *
   * @param {string} callId
   * @param {string} itemId
   */
  #noteAnswered(callId, itemId) {
    if (this.#answered.has(callId)) return;
    this.#answered.set(callId, itemId);
    if (this.#answered.size > MOST_CALLS) this.#answered.delete(this.#answered.keys().next().value ?? '');
    for (const [response, calls] of this.#awaited) {
      if (!calls.includes(callId)) continue;
      const open = calls.filter((each) => each !== callId);
      this.#awaited.set(response, open);
      if (open.length > 0) continue;
      this.#awaited.delete(response);
      this.#parts.ask(itemId);
    }
  }

  /** @param {ToolCall} call */
  #note(call) {
    this.#calls.set(call.callId, call);
    this.#parts.onCall(call);
  }
}

/**
 * @param {string} text
 * @returns {unknown}
 */
function parsed(text) {
  try {
    return JSON.parse(text || '{}');
  } catch (error) {
    throw new Error(`the arguments are no JSON: ${message(error)}`, { cause: error });
  }
}

/**
 * @param {unknown} result
 * @returns {string}
 */
function told(result) {
  const text = typeof result === 'string' ? result : (JSON.stringify(result) ?? 'null');
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MOST_BYTES) throw new Error(`the result has ${bytes} bytes, and the most is ${MOST_BYTES}`);
  return text;
}
