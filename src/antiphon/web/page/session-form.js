// The form of a session's settings: each control stands for a part of the configuration.

import { element, setAttribute } from './dom.js';
import { inputField, selectField, textField } from './fields.js';
import { fixed } from './format.js';
import { parseTools, read } from './session-draft.js';
import { TurnForm } from './turn-form.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('./fields.js').Field} Field */
/** @typedef {import('./session-draft.js').Draft} Draft */
/** @typedef {import('./session-draft.js').Part} Part */
/** @typedef {import('./texts/index.js').Words} Words */

// Those of the Realtime API; the server has a voice of its own for each.
const VOICES = ['alloy', 'ash', 'ballad', 'cedar', 'coral', 'echo', 'marin', 'sage', 'shimmer', 'verse'];
const TRANSCRIBER = 'gpt-4o-mini-transcribe';

/**
 * What stands for a part: its field, how a value is shown in it, and how its value is read.
 *
 * @typedef {object} Line
 * @property {Field} field
 * @property {(value: unknown) => void} show Undefined is shown as what the server chooses.
 */

/** Reads and shows a draft. */
export class SessionForm {
  #words;
  #changed;
  /** @type {Map<Part, Line>} */
  #lines = new Map();
  #turns;
  /** @type {object} As it is shown: all but its language is left as it is. */
  #transcription = { model: TRANSCRIBER };
  #knows = false;

  /**
   * @param {Context} context
   * @param {(part: Part, value: unknown) => void} changed Told the part that the user changed, and its new value; undefined for what the server
   *   has.
   */
  constructor({ words }, changed) {
    this.#words = words;
    this.#changed = changed;
    this.#turns = new TurnForm(words, (detection) => changed('audio.input.turn_detection', detection));
    const turns = this.#line('audio.input.turn_detection', this.#turns.kind, (value) =>
      this.#turns.show(/** @type {Record<string, unknown> | null | undefined} */ (value)),
    );
    const say = words.say.bind(words);
    this.element = element(
      'div',
      { class: 'form' },
      group(
        say('settings_answer'),
        this.#voice(),
        this.#speed(),
        this.#modality(),
        this.#instructions(),
        this.#tokens(),
      ),
      group(say('settings_turns'), turns, ...this.#turns.elements.slice(1)),
      group(say('settings_hearing'), this.#noise(), this.#language()),
      group(say('settings_tools'), this.#tools(), this.#toolChoice()),
    );
  }

  /**
   * @param {Part} part
   * @param {Field} field
   * @param {(value: unknown) => void} show
   */
  #line(part, field, show) {
    this.#lines.set(part, { field, show });
    return field.element;
  }

  /** What leaves a part to the server. */
  get #open() {
    return /** @type {const} */ (['', this.#words.say('server_choice')]);
  }

  #voice() {
    const names = VOICES.map((name) => /** @type {const} */ ([name, name.charAt(0).toUpperCase() + name.slice(1)]));
    const changed = () => this.#changed('audio.output.voice', field.value || undefined);
    const field = selectField([this.#open, ...names], { label: this.#words.say('voice'), changed });
    return this.#line('audio.output.voice', field, (value) =>
      chooseOrAdd(field, typeof value === 'string' ? value : ''),
    );
  }

  #speed() {
    const changed = () => this.#changed('audio.output.speed', Number(field.value));
    const range = { type: 'range', min: 0.25, max: 1.5, step: 0.05 };
    const field = inputField(range, { label: this.#words.say('speed'), changed });
    const tell = () => (field.output = `${fixed(Number(field.value), 2, this.#words.lang)}×`);
    field.control.addEventListener('input', tell);
    return this.#line('audio.output.speed', field, (value) => {
      field.value = String(value ?? 1);
      if (value === undefined) field.output = this.#words.say('server_choice');
      else tell();
    });
  }

  #modality() {
    const { say } = bound(this.#words);
    const options = /** @type {const} */ ([
      this.#open,
      ['audio', say('modality_audio')],
      ['text', say('modality_text')],
    ]);
    const field = selectField(options, {
      label: say('modality'),
      changed: () => this.#changed('output_modalities', field.value ? [field.value] : undefined),
    });
    const show = (/** @type {unknown} */ value) => (field.value = Array.isArray(value) ? String(value[0]) : '');
    return this.#line('output_modalities', field, show);
  }

  #instructions() {
    const { say } = bound(this.#words);
    const changed = () => this.#changed('instructions', field.value);
    const field = textField({ rows: 4 }, { label: say('instructions'), note: say('instructions_note'), changed });
    return this.#line('instructions', field, (value) => (field.value = String(value ?? '')));
  }

  #tokens() {
    const { say } = bound(this.#words);
    const none = () => (this.#knows ? 'inf' : undefined);
    const changed = () => this.#changed('max_output_tokens', field.value === '' ? none() : Number(field.value));
    const field = inputField({ type: 'number', min: 1, max: 4096 }, { label: say('tokens'), changed });
    return this.#line('max_output_tokens', field, (value) => {
      field.value = typeof value === 'number' ? String(value) : '';
      setAttribute(field.control, 'placeholder', say(value === undefined ? 'server_choice' : 'tokens_unlimited'));
    });
  }

  #noise() {
    const { say } = bound(this.#words);
    const options = /** @type {const} */ ([
      this.#open,
      ['off', say('noise_off')],
      ['near_field', say('noise_near')],
      ['far_field', say('noise_far')],
    ]);
    const part = 'audio.input.noise_reduction';
    const wanted = () => (field.value === 'off' ? null : { type: field.value });
    const changed = () => this.#changed(part, field.value ? wanted() : undefined);
    const field = selectField(options, { label: say('noise'), changed });
    const shown = (/** @type {unknown} */ value) => String(fieldOf(value, 'type') ?? 'off');
    return this.#line(part, field, (value) => (field.value = value === undefined ? '' : shown(value)));
  }

  #language() {
    const { say } = bound(this.#words);
    const given = { type: 'text', maxlength: 8, spellcheck: 'false' };
    const wanted = (/** @type {string} */ language) =>
      language || this.#knows ? this.#transcribed(language) : undefined;
    const changed = () => this.#changed(part, wanted(field.value.trim()));
    const field = inputField(given, { label: say('language'), note: say('language_note'), changed });
    const part = 'audio.input.transcription';
    return this.#line(part, field, (value) => {
      field.value = String(fieldOf(value, 'language') ?? '');
      setAttribute(field.control, 'placeholder', say(value === undefined ? 'server_choice' : 'language_auto'));
      this.#transcription = value !== null && typeof value === 'object' ? value : { model: TRANSCRIBER };
    });
  }

  /** @param {string} language '' for any. */
  #transcribed(language) {
    const others = /** @type {{ language?: unknown }} */ ({ ...this.#transcription });
    delete others.language;
    return language === '' ? others : { ...others, language };
  }

  #tools() {
    const { say } = bound(this.#words);
    const given = { rows: 5, spellcheck: 'false', placeholder: '[{"type": "function", "name": "…"}]' };
    const field = textField(given, {
      label: say('tools'),
      note: say('tools_note'),
      changed: () => this.#readTools(field, false),
    });
    field.control.addEventListener('change', () => this.#readTools(field, true));
    field.control.classList.add('code-field');
    return this.#line('tools', field, (value) => {
      if (field.wrong) return; // what is not right yet is not lost
      field.value = Array.isArray(value) && value.length > 0 ? JSON.stringify(value, null, 2) : '';
    });
  }

  /**
   * @param {Field} field
   * @param {boolean} whole Whether the user is done: half of a list is not wrong yet.
   */
  #readTools(field, whole) {
    try {
      this.#changed('tools', parseTools(field.value));
      field.error = null;
    } catch (error) {
      if (whole)
        field.error = this.#words.say('tools_invalid', { reason: error instanceof Error ? error.message : '' });
    }
  }

  #toolChoice() {
    const { say } = bound(this.#words);
    const options = /** @type {const} */ ([
      this.#open,
      ['auto', say('tools_auto')],
      ['none', say('tools_never')],
      ['required', say('tools_always')],
    ]);
    const field = selectField(options, {
      label: say('tool_choice'),
      changed: () => this.#changed('tool_choice', field.value || undefined),
    });
    return this.#line('tool_choice', field, (value) => {
      field.value = value === undefined ? '' : typeof value === 'string' ? value : 'auto';
    });
  }

  /**
   * @param {Draft} draft
   * @param {object | null} session As the server told it; null while there is none.
   */
  show(draft, session) {
    this.#knows = session !== null;
    for (const [part, { show }] of this.#lines) show(part in draft ? draft[part] : read(session, part));
  }

  /**
   * @param {Part} part
   * @param {string | null} text What the server said against it.
   */
  showError(part, text) {
    const line = this.#lines.get(part);
    if (!line) return;
    line.field.error = text;
    if (text !== null) line.field.control.scrollIntoView({ block: 'center' });
  }

  clearErrors() {
    for (const { field } of this.#lines.values()) field.error = null;
  }
}

/** @param {Words} words */
function bound(words) {
  return { say: words.say.bind(words) };
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {unknown}
 */
function fieldOf(value, name) {
  return value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;
}

/**
 * @param {Field} field
 * @param {string} value One that the list does not know joins it.
 */
function chooseOrAdd(field, value) {
  const select = /** @type {HTMLSelectElement} */ (field.control);
  if (![...select.options].some((option) => option.value === value)) select.append(element('option', { value }, value));
  select.value = value;
}

/**
 * @param {string} title
 * @param {...HTMLElement} fields
 */
function group(title, ...fields) {
  return element('fieldset', { class: 'form-group' }, element('legend', { class: 'form-legend' }, title), ...fields);
}
