// The microphone and the loudspeaker that the user chose: remembered, found again, and used.

import { Devices } from '../client/audio/devices.js';

/** @typedef {import('../client/audio/devices.js').DeviceKind} DeviceKind */
/** @typedef {Pick<import('./conversation.js').Conversation, 'addEventListener' | 'underWay' | 'microphone' | 'useMicrophone' | 'useLoudspeaker'>} Conversation */

/** Where ids are others with every visit, as in Safari, a device is found by its name, once the browser tells names. */
export class ChosenDevices {
  #conversation;
  #devices;

  /**
   * @param {Conversation} conversation
   * @param {Devices} [devices]
   */
  constructor(conversation, devices = new Devices()) {
    this.#conversation = conversation;
    this.#devices = devices;
    devices.addEventListener('change', () => void this.#findAll());
    // Names come with the permission.
    conversation.addEventListener('microphone', () => devices.refresh());
    void this.#findAll();
  }

  /** All that there are. */
  get devices() {
    return this.#devices;
  }

  /** @param {DeviceKind} kind */
  id(kind) {
    return this.#devices.memory.chosen(kind)?.deviceId ?? '';
  }

  /**
   * @param {DeviceKind} kind
   * @param {{ deviceId: string, label: string } | null} device Null for the system's default.
   */
  async choose(kind, device) {
    this.#devices.memory.choose(kind, device);
    await this.#use(kind, device?.deviceId ?? '');
  }

  /**
   * @param {DeviceKind} kind
   * @param {string} deviceId
   */
  async #use(kind, deviceId) {
    const { underWay, microphone } = this.#conversation;
    if (!underWay) return;
    if (kind === 'output') await this.#conversation.useLoudspeaker(deviceId);
    else if (microphone.type === 'on') await this.#conversation.useMicrophone(deviceId || {});
  }

  async #findAll() {
    await this.#find('input');
    await this.#find('output');
  }

  /** @param {DeviceKind} kind */
  async #find(kind) {
    const before = this.id(kind);
    const found = await this.#devices.chosen(kind);
    // Meanwhile another one may have been chosen.
    if (!found || found.deviceId === '' || found.deviceId === before || this.id(kind) !== before) return;
    this.#devices.memory.choose(kind, found);
    if (kind === 'output' || this.#conversation.microphone.deviceId !== found.deviceId)
      await this.#use(kind, found.deviceId);
  }

  close() {
    this.#devices.close();
  }
}
