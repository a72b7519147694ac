// The panel "Settings": what the user wants of the session, what of it will be sent, and what the server said.

import { element, fill, write } from './dom.js';
import { DeviceForm } from './device-form.js';
import { asConfig, changes, partOf, withPart } from './session-draft.js';
import { SessionForm } from './session-form.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('./session-draft.js').Change} Change */
/** @typedef {import('./session-draft.js').Part} Part */

/** Settings of the session and of the devices. */
export class SettingsPanel {
  #context;
  #form;
  #devices;
  #changes = element('ul', { class: 'changes' });
  #json = element('pre', { class: 'code', tabindex: '0' });
  #apply;
  #status = element('p', { class: 'apply-status', role: 'status' });
  #problem = element('p', { class: 'field-error', role: 'alert', hidden: true });
  #preview;
  #shown = false;
  #told;
  /** @type {import('./session-draft.js').Draft} What the server refused: still to be seen, but not to be sent again. */
  #refused = {};

  /**
   * @param {Context} context
   * @param {import('./chosen-devices.js').ChosenDevices} devices
   * @param {(reason: string, isLeftOut: boolean) => void} refused Told what the server said, and whether that part is not sent again.
   */
  constructor(context, devices, refused) {
    this.#context = context;
    this.#told = refused;
    const { words, conversation } = context;
    this.label = words.say('tab_settings');
    this.#form = new SessionForm(context, (part, value) => this.#change(part, value));
    this.#devices = new DeviceForm(context, devices);
    this.#apply = element(
      'button',
      { type: 'button', class: 'button primary', onclick: () => this.#send() },
      words.say('apply'),
    );
    const reset = element(
      'button',
      { type: 'button', class: 'button', onclick: () => this.#reset() },
      words.say('settings_reset'),
    );
    this.#json.setAttribute('aria-label', words.say('settings_json'));
    this.#preview = element(
      'details',
      { class: 'preview' },
      element('summary', {}, words.say('settings_json')),
      this.#changes,
      this.#json,
    );
    const buttons = element('div', { class: 'apply-buttons' }, this.#apply, reset);
    const foot = element('div', { class: 'apply-bar' }, this.#status, this.#problem, buttons, this.#preview);
    this.element = element(
      'div',
      { class: 'settings-panel' },
      element('div', { class: 'panel-scroll' }, this.#devices.element, this.#form.element),
      foot,
    );
    for (const type of ['session', 'state', 'begun']) conversation.addEventListener(type, () => this.#refresh());
    conversation.addEventListener('event', (event) => this.#hear(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {boolean} shown */
  show(shown) {
    this.#shown = shown;
    if (!shown) return;
    void this.#devices.show();
    this.#refresh();
  }

  /**
   * @param {{ input: number, output: number }} levels From 0 to 1.
   * @param {number} now Milliseconds.
   */
  draw(levels, now) {
    if (this.#shown) this.#devices.draw(levels, now);
  }

  /**
   * @param {Part} part
   * @param {unknown} value
   */
  #change(part, value) {
    this.#choose(part, value);
    this.#refused = withPart(this.#refused, part, undefined);
    this.#form.showError(part, null);
    this.#refresh();
  }

  /**
   * @param {Part} part
   * @param {unknown} value Undefined to leave it to the server.
   */
  #choose(part, value) {
    const { preferences } = this.#context;
    preferences.choose({ draft: withPart(preferences.choices.draft, part, value) });
  }

  #reset() {
    const { preferences } = this.#context;
    preferences.resetDraft();
    this.#forgive();
    this.#refresh();
  }

  #forgive() {
    this.#refused = {};
    this.#form.clearErrors();
    this.#problem.hidden = true;
  }

  /** That of the conversation which goes on: the next one has its own. */
  get #session() {
    const { conversation } = this.#context;
    return conversation.underWay ? conversation.session : null;
  }

  /** @returns {Change[]} */
  get #pending() {
    return changes(this.#context.preferences.choices.draft, this.#session);
  }

  #refresh() {
    if (!this.#shown) return;
    const { conversation, preferences, words } = this.#context;
    const pending = this.#pending;
    this.#form.show({ ...preferences.choices.draft, ...this.#refused }, this.#session);
    this.#apply.disabled = !conversation.connected || pending.length === 0;
    this.#preview.hidden = pending.length === 0;
    write(this.#status, this.#statusText(pending.length));
    write(
      this.#json,
      JSON.stringify({ type: 'session.update', session: { type: 'realtime', ...asConfig(pending) } }, null, 2),
    );
    fill(this.#changes, ...pending.map((change) => line(change, words)));
  }

  /** @param {number} count */
  #statusText(count) {
    const { conversation, words } = this.#context;
    if (!conversation.connected) return words.say('settings_next');
    return count === 0 ? words.say('settings_same') : words.say('settings_differ', { count });
  }

  #send() {
    this.#forgive();
    this.#context.conversation.update(asConfig(this.#pending));
  }

  /** @param {import('../client/types.js').RealtimeEvent} event */
  #hear(event) {
    if (event.type !== 'error') return;
    const error = /** @type {{ param?: string | null, message?: string }} */ (event.error ?? {});
    if (!error.param?.startsWith('session')) return;
    const [part, reason] = [partOf(error.param), error.message ?? ''];
    const isOwn = part !== null && part in this.#context.preferences.choices.draft;
    this.#told(reason, isOwn);
    this.#showRefusal(reason, part);
    if (isOwn) this.#leaveOut(part);
  }

  /**
   * @param {string} reason
   * @param {Part | null} part
   */
  #showRefusal(reason, part) {
    const { words } = this.#context;
    write(this.#problem, part ? words.say('settings_refused_part') : words.say('settings_refused', { reason }));
    this.#problem.hidden = false;
    if (part) this.#form.showError(part, reason);
  }

  /**
   * An update is refused whole: without this part, the others are sent once more.
   *
   * @param {Part} part
   */
  #leaveOut(part) {
    const { conversation, preferences } = this.#context;
    this.#refused = { ...this.#refused, [part]: preferences.choices.draft[part] };
    this.#choose(part, undefined);
    if (this.#pending.length > 0) conversation.update(asConfig(this.#pending));
    this.#refresh();
  }
}

/**
 * @param {Change} change
 * @param {import('./texts/index.js').Words} words
 */
function line({ part, from, to }, words) {
  const old = from === undefined ? words.say('settings_default') : brief(from);
  const values = [element('del', {}, old), ' → ', element('ins', {}, brief(to))];
  return element(
    'li',
    {},
    element('code', {}, part),
    element('span', { class: 'change-values', dir: 'ltr' }, ...values),
  );
}

/** @param {unknown} value */
function brief(value) {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
