// Which microphones and loudspeakers there are, and which one the user chose.

/** @typedef {'input' | 'output'} DeviceKind */

/**
 * @typedef {object} Device
 * @property {string} deviceId '' while the browser does not tell: the permission is not given yet.
 * @property {string} label Never empty: 'Microphone 1' while the browser does not tell.
 * @property {boolean} named Whether the label is the device's own.
 */

/** @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} Store */

const KINDS = /** @type {const} */ ({ input: 'audioinput', output: 'audiooutput' });
const NAMES = { input: 'Microphone', output: 'Loudspeaker' };
const STORE_KEY = 'antiphon.devices';

/**
 * @param {readonly MediaDeviceInfo[]} found
 * @param {DeviceKind} kind
 * @returns {Device[]} Each one once.
 */
export function devicesOf(found, kind) {
  return (
    found
      .filter((one) => one.kind === KINDS[kind])
      // Chromium on Windows lists the device for calls a second time; its default one is worth its place.
      .filter((one) => one.deviceId !== 'communications')
      .map((one, i) => ({
        deviceId: one.deviceId,
        label: one.label || `${NAMES[kind]} ${i + 1}`,
        named: one.label !== '',
      }))
  );
}

/**
 * Find a device again.
 *
 * @param {readonly Device[]} devices
 * @param {{ deviceId: string, label: string } | null} chosen
 * @returns {Device | null} By its id, or by its label: Safari makes up new ids for each visit.
 */
export function findDevice(devices, chosen) {
  if (!chosen) return null;
  const byId = devices.find((one) => one.deviceId !== '' && one.deviceId === chosen.deviceId);
  return byId ?? devices.find((one) => one.named && one.label === chosen.label) ?? null;
}

/** Remembers a choice for each kind, as long as the browser lets it. */
export class DeviceMemory {
  #store;

  /** @param {Store | null} [store] Of the page, unless given. */
  constructor(store = pageStore()) {
    this.#store = store;
  }

  /**
   * @param {DeviceKind} kind
   * @returns {{ deviceId: string, label: string } | null}
   */
  chosen(kind) {
    const one = this.#read()[kind];
    const known = isObject(one) && typeof one.deviceId === 'string' && typeof one.label === 'string';
    return known ? { deviceId: String(one.deviceId), label: String(one.label) } : null;
  }

  /**
   * @param {DeviceKind} kind
   * @param {{ deviceId: string, label: string } | null} device Null for the system's default.
   */
  choose(kind, device) {
    const chosen = device && { deviceId: device.deviceId, label: device.label };
    try {
      this.#store?.setItem(STORE_KEY, JSON.stringify({ ...this.#read(), [kind]: chosen }));
    } catch {
      // Full or forbidden: the choice holds for this visit.
    }
  }

  /** @returns {Record<string, unknown>} */
  #read() {
    try {
      const read = JSON.parse(this.#store?.getItem(STORE_KEY) ?? '{}');
      return isObject(read) ? read : {};
    } catch {
      return {};
    }
  }
}

/** The devices there are now. Event `change`: some came or went, or their names are known now. */
export class Devices extends EventTarget {
  #media = globalThis.navigator?.mediaDevices;
  #end = new AbortController();
  /** What the user chose. */
  memory;

  /** @param {DeviceMemory} [memory] */
  constructor(memory = new DeviceMemory()) {
    super();
    this.memory = memory;
    const tell = () => this.dispatchEvent(new Event('change'));
    this.#media?.addEventListener?.('devicechange', tell, { signal: this.#end.signal });
  }

  /** @returns {Promise<{ inputs: Device[], outputs: Device[] }>} Both empty where the browser tells nothing. */
  async list() {
    const found = (await this.#media?.enumerateDevices?.().catch(() => [])) ?? [];
    return { inputs: devicesOf(found, 'input'), outputs: devicesOf(found, 'output') };
  }

  /**
   * @param {DeviceKind} kind
   * @returns {Promise<Device | null>} The chosen one, if it is there.
   */
  async chosen(kind) {
    const { inputs, outputs } = await this.list();
    return findDevice(kind === 'input' ? inputs : outputs, this.memory.chosen(kind));
  }

  /** Names become known with the permission, of which no browser tells: call it when a microphone was opened. */
  refresh() {
    this.dispatchEvent(new Event('change'));
  }

  close() {
    this.#end.abort();
  }
}

/** @returns {Store | null} Null where the page may store nothing: even asking for it throws then. */
function pageStore() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null;
}
