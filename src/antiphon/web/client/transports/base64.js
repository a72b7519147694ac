// PCM16 as base64, both ways: 64 KB of it each second, so nothing here goes through JSON.

// What String.fromCharCode takes at once without overflowing the stack.
const PIECE = 0x4000;
const PCM_IS_NATIVE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * @param {Int16Array} pcm
 * @returns {string}
 */
export function encodePcm(pcm) {
  const bytes = new Uint8Array(
    (PCM_IS_NATIVE ? pcm : swapped(pcm)).buffer,
    PCM_IS_NATIVE ? pcm.byteOffset : 0,
    pcm.byteLength,
  );
  const native = /** @type {{ toBase64?: () => string }} */ (bytes).toBase64;
  return native ? native.call(bytes) : btoa(binary(bytes));
}

/** @param {Uint8Array} bytes */
function binary(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += String.fromCharCode.apply(null, /** @type {any} */ (bytes.subarray(at, at + PIECE)));
  }
  return text;
}

/**
 * @param {string} text
 * @returns {Uint8Array} Empty when it is no base64.
 */
export function decodeBase64(text) {
  try {
    const native = /** @type {{ fromBase64?: (text: string) => Uint8Array }} */ (Uint8Array).fromBase64;
    return native ? native.call(Uint8Array, text) : decoded(atob(text));
  } catch {
    return new Uint8Array();
  }
}

/** @param {string} text */
function decoded(text) {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Makes samples of bytes that may be cut amid one. */
export class SampleJoiner {
  /** @type {number | null} */
  #half = null;

  /**
   * @param {Uint8Array} bytes PCM16, little-endian.
   * @returns {Int16Array} The whole samples; half a one is kept for the next time.
   */
  join(bytes) {
    const kept = this.#half === null ? 0 : 1;
    const all = new Uint8Array((bytes.length + kept) & ~1);
    if (kept && all.length) all[0] = /** @type {number} */ (this.#half);
    all.set(bytes.subarray(0, Math.max(all.length - kept, 0)), all.length ? kept : 0);
    if ((bytes.length + kept) % 2) this.#half = bytes.length ? /** @type {number} */ (bytes.at(-1)) : this.#half;
    else this.#half = null;
    const pcm = new Int16Array(all.buffer);
    return PCM_IS_NATIVE ? pcm : swapped(pcm);
  }
}

/** @param {Int16Array} pcm */
function swapped(pcm) {
  return pcm.map((sample) => ((sample & 0xff) << 8) | ((sample >> 8) & 0xff));
}
