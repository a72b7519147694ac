// Which microphone and loudspeaker are used, and how loud they are.

import { findDevice } from '../client/audio/devices.js';
import { element, fill } from './dom.js';
import { selectField } from './fields.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/audio/devices.js').Device} Device */
/** @typedef {import('../client/audio/devices.js').DeviceKind} DeviceKind */
/** @typedef {import('./chosen-devices.js').ChosenDevices} ChosenDevices */

const MOVE_MS = 100; // a meter moves no more often

/** Two lists of devices, each with a meter. */
export class DeviceForm {
  #context;
  #devices;
  #microphone;
  #loudspeaker;
  #note;
  #meters = { input: meter(), output: meter() };
  #drawn = 0;

  /**
   * @param {Context} context
   * @param {ChosenDevices} devices
   */
  constructor(context, devices) {
    this.#context = context;
    this.#devices = devices;
    const { words } = context;
    this.#microphone = selectField([], {
      label: words.shared('microphone'),
      changed: () => void this.#choose('input'),
    });
    this.#loudspeaker = selectField([], {
      label: words.shared('loudspeaker'),
      changed: () => void this.#choose('output'),
    });
    this.#note = element('p', { class: 'field-note', hidden: true }, words.shared('devices_unnamed'));
    const fields = [
      this.#microphone.element,
      this.#meters.input.element,
      this.#loudspeaker.element,
      this.#meters.output.element,
      this.#note,
    ];
    this.element = element(
      'fieldset',
      { class: 'form-group' },
      element('legend', { class: 'form-legend' }, words.shared('settings')),
      ...fields,
    );
    this.#loudspeaker.element.hidden = !('setSinkId' in HTMLMediaElement.prototype); // this browser plays where the system says
    devices.devices.addEventListener('change', () => void this.show());
  }

  async show() {
    const { inputs, outputs } = await this.#devices.devices.list();
    this.#fill('input', inputs);
    this.#fill('output', outputs);
    this.#note.hidden = inputs.every(({ named }) => named);
  }

  /** @param {DeviceKind} kind */
  #field(kind) {
    return kind === 'input' ? this.#microphone : this.#loudspeaker;
  }

  /**
   * @param {DeviceKind} kind
   * @param {readonly Device[]} found
   */
  #fill(kind, found) {
    const { words } = this.#context;
    const named = found.filter(({ deviceId }) => deviceId !== '' && deviceId !== 'default');
    const options = named.map(({ deviceId, label }) => element('option', { value: deviceId }, label));
    fill(this.#field(kind).control, element('option', { value: '' }, words.shared('device_default')), ...options);
    this.#field(kind).value = findDevice(named, this.#devices.devices.memory.chosen(kind))?.deviceId ?? '';
  }

  /** @param {DeviceKind} kind */
  async #choose(kind) {
    const deviceId = this.#field(kind).value;
    const label = /** @type {HTMLSelectElement} */ (this.#field(kind).control).selectedOptions[0]?.text ?? '';
    await this.#devices.choose(kind, deviceId === '' ? null : { deviceId, label });
  }

  /**
   * @param {{ input: number, output: number }} levels From 0 to 1.
   * @param {number} now Milliseconds.
   */
  draw(levels, now) {
    if (now - this.#drawn < MOVE_MS || this.element.offsetParent === null) return;
    this.#drawn = now;
    this.#meters.input.show(levels.input);
    this.#meters.output.show(levels.output);
  }
}

function meter() {
  const bar = element('span', { class: 'meter-bar' });
  const show = (/** @type {number} */ level) => (bar.style.inlineSize = `${Math.round(Math.min(1, level) * 100)}%`);
  return { element: element('div', { class: 'meter', 'aria-hidden': 'true' }, bar), show };
}
