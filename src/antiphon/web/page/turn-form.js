// How the session notices that a turn has ended: the part of the settings with fields of its own for each way.

import { element } from './dom.js';
import { checkbox, inputField, selectField } from './fields.js';
import { fixed } from './format.js';

/** @typedef {import('./texts/index.js').Words} Words */
/** @typedef {Record<string, unknown> | null | undefined} TurnDetection Null where turns are taken by hand, undefined for what the server has. */

const BOTH = { create_response: true, interrupt_response: true };
const SERVER_VAD = { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500, ...BOTH };
const SEMANTIC_VAD = { type: 'semantic_vad', eagerness: 'auto', ...BOTH };
const MS = { type: 'number', min: 0, max: 30_000, step: 50 };

/** The fields of `audio.input.turn_detection`. */
export class TurnForm {
  #words;
  #changed;
  /** @type {Record<string, unknown>} */
  #shown = SERVER_VAD;
  #threshold;
  #silence;
  #padding;
  #eagerness;
  #answers;
  #interrupts;
  #note;

  /**
   * @param {Words} words
   * @param {(detection: TurnDetection) => void} changed
   */
  constructor(words, changed) {
    this.#words = words;
    this.#changed = changed;
    const say = words.say.bind(words);
    const tell = () => this.#tell();
    const kinds = /** @type {const} */ ([
      ['', say('server_choice')],
      ['server_vad', say('turns_vad')],
      ['semantic_vad', say('turns_semantic')],
      ['none', say('turns_none')],
    ]);
    this.kind = selectField(kinds, { label: say('turns_by'), changed: () => this.#changeKind() });
    const range = { type: 'range', min: 0, max: 1, step: 0.05 };
    this.#threshold = inputField(range, { label: say('threshold'), note: say('threshold_note'), changed: tell });
    this.#threshold.control.addEventListener('input', () => this.#showThreshold());
    this.#silence = inputField(MS, { label: say('silence'), changed: tell });
    this.#padding = inputField(MS, { label: say('padding'), changed: tell });
    const eagerness = /** @type {const} */ (['auto', 'low', 'medium', 'high']);
    const levels = eagerness.map((level) => /** @type {const} */ ([level, say(`eagerness_${level}`)]));
    this.#eagerness = selectField(levels, { label: say('eagerness'), changed: tell });
    this.#answers = checkbox(say('turns_answer'), tell);
    this.#interrupts = checkbox(say('turns_interrupt'), tell);
    this.#note = element('p', { class: 'field-note' }, say('turns_none_note'));
  }

  get elements() {
    const pair = element('div', { class: 'form-pair' }, this.#silence.element, this.#padding.element);
    const boxes = element('div', {}, this.#answers.element, this.#interrupts.element);
    return [this.kind.element, this.#threshold.element, pair, this.#eagerness.element, boxes, this.#note];
  }

  #changeKind() {
    const kinds = { '': undefined, none: null, server_vad: SERVER_VAD, semantic_vad: SEMANTIC_VAD };
    this.#changed(/** @type {TurnDetection} */ (Reflect.get(kinds, this.kind.value)));
  }

  #tell() {
    const own = this.kind.value === 'semantic_vad' ? { eagerness: this.#eagerness.value } : this.#ofServerVad();
    const answers = this.#answers.control.checked;
    const interrupts = this.#interrupts.control.checked;
    this.#changed({ ...this.#shown, ...own, create_response: answers, interrupt_response: interrupts });
  }

  #ofServerVad() {
    const threshold = Number(this.#threshold.value);
    const silence = Number(this.#silence.value);
    return { threshold, silence_duration_ms: silence, prefix_padding_ms: Number(this.#padding.value) };
  }

  /** @param {TurnDetection} turns */
  show(turns) {
    const kind = turns === undefined ? '' : String(turns?.type ?? 'none');
    if (turns) this.#shown = turns;
    this.kind.value = kind;
    this.#showNumbers({ ...SERVER_VAD, ...turns });
    this.#eagerness.value = String(turns?.eagerness ?? 'auto');
    this.#answers.control.checked = turns?.create_response !== false;
    this.#interrupts.control.checked = turns?.interrupt_response !== false;
    this.#showKind(kind);
  }

  /** @param {Record<string, unknown>} turns */
  #showNumbers(turns) {
    this.#threshold.value = String(turns.threshold);
    this.#silence.value = String(turns.silence_duration_ms);
    this.#padding.value = String(turns.prefix_padding_ms);
    this.#showThreshold();
  }

  /** @param {string} kind */
  #showKind(kind) {
    for (const field of [this.#threshold, this.#silence, this.#padding]) field.element.hidden = kind !== 'server_vad';
    this.#eagerness.element.hidden = kind !== 'semantic_vad';
    for (const box of [this.#answers, this.#interrupts]) box.element.hidden = !kind.endsWith('_vad');
    this.#note.hidden = kind !== 'none';
  }

  #showThreshold() {
    this.#threshold.output = fixed(Number(this.#threshold.value), 2, this.#words.lang);
  }
}
