// A call of a tool: what it was asked, what it gave; for tools that live elsewhere, a place to write the result.

import { element, fill, setAttribute, uniqueId, write } from './dom.js';
import { prettyJson } from './format.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/types.js').ToolCall} ToolCall */

const STATUS = /** @type {const} */ ({
  running: 'tool_running',
  done: 'tool_done',
  failed: 'tool_failed',
  elsewhere: 'tool_waits',
});

/** One call, to be folded. */
export class ToolCard {
  #context;
  #name = element('code', { class: 'tool-name' });
  #status = element('span', { class: 'tool-status' });
  #given = element('pre', { class: 'code', tabindex: '0' });
  #result = element('div', { class: 'tool-result' });
  #shown = '';

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const { words } = context;
    setAttribute(this.#given, 'aria-label', words.say('tool_arguments'));
    const head = element('summary', { class: 'tool-head' }, icon('tool'), this.#name, this.#status, icon('down'));
    const body = element(
      'div',
      { class: 'tool-body' },
      element('p', { class: 'code-label' }, words.say('tool_arguments')),
      this.#given,
      this.#result,
    );
    this.element = element('details', { class: 'tool-card' }, head, body);
  }

  /** @param {ToolCall} call */
  show(call) {
    const look = JSON.stringify(call);
    if (look === this.#shown) return;
    this.#shown = look;
    const { words } = this.#context;
    const waits = call.status === 'elsewhere' && call.output === null;
    setAttribute(
      this.element,
      'data-status',
      call.output === null ? call.status : call.status === 'failed' ? 'failed' : 'done',
    );
    write(this.#name, call.name);
    write(this.#status, words.say(call.status === 'elsewhere' && !waits ? 'tool_done' : STATUS[call.status]));
    write(this.#given, call.arguments || '{}');
    fill(this.#result, waits ? this.#form(call) : call.output === null ? null : this.#output(call.output));
    if (waits) this.element.open = true;
  }

  /** @param {string} output */
  #output(output) {
    const label = this.#context.words.say('tool_output');
    const code = element('pre', { class: 'code', tabindex: '0', 'aria-label': label }, prettyJson(output));
    return element('div', {}, element('p', { class: 'code-label' }, label), code);
  }

  /** @param {ToolCall} call */
  #form(call) {
    const { words } = this.#context;
    const id = uniqueId('result');
    const field = element('textarea', { id, class: 'field code-field', rows: '2', spellcheck: 'false' });
    const send = element('button', { type: 'submit', class: 'button' }, words.say('tool_answer'));
    const onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#answer(call.callId, field.value);
    };
    return element(
      'form',
      { class: 'tool-form', onsubmit },
      element('label', { class: 'code-label', htmlFor: id }, words.say('tool_write')),
      field,
      send,
    );
  }

  /**
   * @param {string} callId
   * @param {string} output
   */
  #answer(callId, output) {
    const { conversation } = this.#context;
    conversation.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: callId, output },
    });
    conversation.send({ type: 'response.create' });
  }
}
