// The fields of forms: a label, a control, a note, an error.

import { element, fill, setAttribute, uniqueId } from './dom.js';

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/**
 * @typedef {object} FieldOptions
 * @property {string} label
 * @property {string} [note]
 * @property {() => void} [changed]
 */

/** A control with its words. */
export class Field {
  #error = element('p', { class: 'field-error', dir: 'auto', hidden: true });
  #output = element('output', { class: 'field-output' });

  /**
   * @param {Control} control
   * @param {FieldOptions} options
   */
  constructor(control, { label, note, changed }) {
    this.control = control;
    control.id = uniqueId('field');
    this.#error.id = `${control.id}-error`;
    control.setAttribute('aria-describedby', this.#error.id);
    // While something is written it counts already: what follows it, such as a button that becomes usable, is not to be pressed twice.
    if (changed) control.addEventListener(control instanceof HTMLSelectElement ? 'change' : 'input', changed);
    const name = element('label', { class: 'field-label', htmlFor: control.id }, label);
    const hint = note ? element('p', { class: 'field-note' }, note) : null;
    this.element = element(
      'div',
      { class: 'form-field' },
      element('div', { class: 'field-head' }, name, this.#output),
      control,
      hint,
      this.#error,
    );
  }

  get value() {
    return this.control.value;
  }

  /** @param {string} value Left alone while the user is in the field. */
  set value(value) {
    if (this.control !== document.activeElement || this.control instanceof HTMLSelectElement)
      this.control.value = value;
  }

  /** @param {string} text Told beside the label, such as a slider's value. */
  set output(text) {
    this.#output.value = text;
  }

  get wrong() {
    return !this.#error.hidden;
  }

  /** @param {string | null} text */
  set error(text) {
    this.#error.hidden = text === null;
    setAttribute(this.control, 'aria-invalid', text === null ? null : 'true');
    fill(this.#error, text ?? '');
  }
}

/**
 * @param {readonly (readonly [value: string, text: string])[]} options
 * @param {FieldOptions} words
 */
export function selectField(options, words) {
  const items = options.map(([value, text]) => element('option', { value }, text));
  return new Field(element('select', { class: 'field' }, ...items), words);
}

/**
 * @param {Record<string, unknown>} attributes
 * @param {FieldOptions} words
 */
export function inputField(attributes, words) {
  const type = attributes.type === 'range' ? 'range' : 'field';
  return new Field(element('input', { class: type, autocomplete: 'off', ...attributes }), words);
}

/**
 * @param {Record<string, unknown>} attributes
 * @param {FieldOptions} words
 */
export function textField(attributes, words) {
  return new Field(element('textarea', { class: 'field', ...attributes }), words);
}

/**
 * @param {string} label
 * @param {() => void} changed
 */
export function checkbox(label, changed) {
  const control = element('input', { type: 'checkbox', onchange: changed });
  return { control, element: element('label', { class: 'choice' }, control, element('span', {}, label)) };
}
