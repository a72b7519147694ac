// One answer of chat completions, told in the events of the Realtime API.

import { callMessage } from './chat-messages.js';

/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {{ id: string, type: 'function_call', call_id: string, name: string, arguments: string }} Call */

/** Made of the chunks of one completion. */
export class ChatAnswer {
  #tell;
  #newId;
  #response;
  #itemId;
  #text = '';
  #hasText = false;
  /** @type {Map<number, Call>} */
  #calls = new Map();
  /** @type {object[]} */
  #output = [];
  #over = false;

  /**
   * @param {(event: RealtimeEvent) => void} tell
   * @param {(kind: string) => string} newId
   * @param {unknown} metadata Of the `response.create`.
   */
  constructor(tell, newId, metadata) {
    this.#tell = tell;
    this.#newId = newId;
    this.#itemId = newId('item');
    const fixed = { object: 'realtime.response', output_modalities: ['text'], metadata: metadata ?? null };
    this.#response = { id: newId('resp'), ...fixed, conversation_id: 'text', usage: null };
    this.#tellResponse('response.created', 'in_progress', null);
  }

  get id() {
    return this.#response.id;
  }

  /** @returns {import('./chat-messages.js').ChatMessage | null} What the conversation has of it; null for nothing. */
  get message() {
    const calls = [...this.#calls.values()];
    if (calls.length) return callMessage(calls, this.#text);
    return this.#text ? { role: 'assistant', content: this.#text } : null;
  }

  /** @param {any} chunk A `chat.completion.chunk`. */
  add(chunk) {
    const delta = chunk?.choices?.[0]?.delta;
    if (typeof delta?.content === 'string' && delta.content) this.#addText(delta.content);
    for (const call of delta?.tool_calls ?? []) this.#addCall(call);
  }

  /**
   * Safe to call twice.
   *
   * @param {'completed' | 'cancelled' | 'failed'} status
   * @param {object | null} [details]
   */
  end(status, details = null) {
    if (this.#over) return;
    this.#over = true;
    if (this.#hasText) this.#endText(status === 'completed' ? 'completed' : 'incomplete');
    // Half a call is none.
    if (status === 'completed') for (const call of this.#calls.values()) this.#tellCall(call);
    else this.#calls.clear();
    this.#tellResponse('response.done', status, details);
  }

  // --- text -------------------------------------------------------------------------------------------------------

  /** @param {string} delta */
  #addText(delta) {
    if (!this.#hasText) this.#beginText();
    this.#text += delta;
    this.#tell({ type: 'response.output_text.delta', ...this.#place(), content_index: 0, delta });
  }

  #beginText() {
    this.#hasText = true;
    this.#tellItem('added', this.#message('in_progress', []), 0);
    const part = { type: 'text', text: '' };
    this.#tell({ type: 'response.content_part.added', ...this.#place(), content_index: 0, part });
  }

  /** @param {string} status */
  #endText(status) {
    const text = this.#text;
    this.#tell({ type: 'response.output_text.done', ...this.#place(), content_index: 0, text });
    const part = { type: 'text', text };
    this.#tell({ type: 'response.content_part.done', ...this.#place(), content_index: 0, part });
    this.#tellItem('done', this.#message(status, [{ type: 'output_text', text }]), 0);
  }

  #place() {
    return { response_id: this.id, item_id: this.#itemId, output_index: 0 };
  }

  /**
   * @param {string} status
   * @param {object[]} content
   */
  #message(status, content) {
    return { id: this.#itemId, type: 'message', status, role: 'assistant', content };
  }

  // --- functions --------------------------------------------------------------------------------------------------

  /** @param {any} part */
  #addCall(part) {
    const index = Number(part?.index ?? 0);
    const unnamed = { id: this.#newId('item'), type: /** @type {const} */ ('function_call'), call_id: '', name: '' };
    const call = this.#calls.get(index) ?? { ...unnamed, arguments: '' };
    if (part?.id) call.call_id = String(part.id);
    call.name += part?.function?.name ?? '';
    call.arguments += part?.function?.arguments ?? '';
    this.#calls.set(index, call);
  }

  /** @param {Call} call */
  #tellCall(call) {
    const index = this.#output.length;
    this.#tellItem('added', { ...call, status: 'in_progress', arguments: '' }, index);
    const place = { response_id: this.id, item_id: call.id, output_index: index };
    const { call_id, name } = call;
    const type = 'response.function_call_arguments.done';
    this.#tell({ type, ...place, call_id, name, arguments: call.arguments });
    this.#tellItem('done', { ...call, status: 'completed' }, index);
  }

  // --- both -------------------------------------------------------------------------------------------------------

  /**
   * @param {'added' | 'done'} happened
   * @param {object} item
   * @param {number} index
   */
  #tellItem(happened, item, index) {
    const ofResponse = { type: `response.output_item.${happened}`, response_id: this.id, output_index: index, item };
    const ofConversation = { type: `conversation.item.${happened}`, item };
    if (happened === 'done') this.#output.push(item);
    for (const event of happened === 'added' ? [ofResponse, ofConversation] : [ofConversation, ofResponse]) {
      this.#tell(event);
    }
  }

  /**
   * @param {string} type
   * @param {string} status
   * @param {object | null} details
   */
  #tellResponse(type, status, details) {
    this.#tell({ type, response: { ...this.#response, status, status_details: details, output: [...this.#output] } });
  }
}
