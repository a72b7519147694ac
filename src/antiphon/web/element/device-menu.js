// The choice of microphone and loudspeaker, and what the conversation goes over.
import { say } from '../texts/index.js';
import { make, setAttribute, write } from './dom.js';

/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./look.js').Look} Look */
/** @typedef {'audioinput' | 'audiooutput'} Kind */
/** @typedef {Pick<MediaDeviceInfo, 'deviceId' | 'kind' | 'label'>} Device */

// client/audio/devices.js knows the same of devices, and remembers choices as well: it would weigh more than this does with what is said twice.

/** @returns {Promise<readonly Device[]>} None in pages that are not secure. */
async function listDevices() {
  try {
    return (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  } catch {
    return [];
  }
}

/**
 * @param {readonly Device[]} devices
 * @param {Kind} kind
 * @returns {Device[]} Those that can be chosen: the browser has told their ids. Its own entries for the default stand in the menu already.
 */
export function choices(devices, kind) {
  const roles = ['', 'default', 'communications'];
  return devices.filter((device) => device.kind === kind && !roles.includes(device.deviceId));
}

/** One list to choose from. */
class Choice {
  #text = make('span');
  select = make('select');
  element = make('label', {}, this.#text, this.select);

  /** @param {(deviceId: string) => void} choose */
  constructor(choose) {
    this.select.addEventListener('change', () => choose(this.select.value));
  }

  /**
   * @param {string} label
   * @param {readonly Device[]} devices
   * @param {string} chosen
   * @param {Texts} texts
   */
  update(label, devices, chosen, texts) {
    write(this.#text, label);
    const names = devices.map((device, i) => device.label || say(texts, 'device_number', { number: i + 1 }));
    const options = devices.map((device, i) => new Option(names[i], device.deviceId));
    this.select.replaceChildren(new Option(texts.device_default, ''), ...options);
    this.select.value = devices.some(({ deviceId }) => deviceId === chosen) ? chosen : '';
  }
}

/**
 * What the menu shows beside the devices there are.
 *
 * @typedef {{ microphone: string, loudspeaker: string }} Chosen
 */

/** The menu, which opens inside the element. */
export class DeviceMenu {
  #microphone;
  #loudspeaker;
  #unnamed = make('p', { class: 'hint' });
  #via = make('p', { part: 'via', class: 'hint' });
  element;
  /** @type {readonly Device[]} */
  #devices = [];
  /** @type {Texts | null} */
  #texts = null;
  /** @type {Chosen} */
  #chosen = { microphone: '', loudspeaker: '' };

  /** @param {{ microphone: (id: string) => void, loudspeaker: (id: string) => void }} choose */
  constructor(choose) {
    this.#microphone = new Choice(choose.microphone);
    this.#loudspeaker = new Choice(choose.loudspeaker);
    const parts = [this.#microphone.element, this.#loudspeaker.element, this.#unnamed, this.#via];
    this.element = make('div', { part: 'menu', class: 'menu', role: 'group', id: 'menu', hidden: true }, ...parts);
  }

  toggle() {
    const open = this.element.hidden !== false;
    this.element.hidden = !open;
    const source = globalThis.navigator.mediaDevices;
    if (open) source?.addEventListener('devicechange', this.#look);
    else source?.removeEventListener('devicechange', this.#look);
    if (open) void this.#look();
  }

  /**
   * @param {Look} look
   * @param {Texts} texts
   * @param {Chosen} chosen
   */
  update({ phase, transport }, texts, chosen) {
    this.#texts = texts;
    this.#chosen = chosen;
    setAttribute(this.element, 'aria-label', texts.settings);
    const connected = phase === 'connected' && transport !== null;
    write(this.#via, connected ? say(texts, 'via', { transport: texts[`transport_${transport}`] }) : '');
    if (!this.element.hidden) void this.#look();
  }

  #look = async () => {
    this.#devices = await listDevices();
    if (this.#texts) this.#fill(this.#texts);
  };

  /** @param {Texts} texts */
  #fill(texts) {
    const inputs = choices(this.#devices, 'audioinput');
    const outputs = choices(this.#devices, 'audiooutput');
    this.#microphone.update(texts.microphone, inputs, this.#chosen.microphone, texts);
    this.#loudspeaker.update(texts.loudspeaker, outputs, this.#chosen.loudspeaker, texts);
    // Safari and phones leave the loudspeaker to the system.
    this.#loudspeaker.element.hidden = outputs.length === 0;
    write(this.#unnamed, inputs.length === 0 ? texts.devices_unnamed : '');
  }
}
