// Source: HTML Living Standard, "Server-sent events", 9.2.6 "Interpreting an event stream".

const LINE_END = /\r\n|\n|\r/;
// The largest event that a server sends is one with 15 MB of audio, in base64.
const MOST_CHARACTERS = 32_000_000;

/** Takes a stream of server-sent events apart, however it is cut. */
export class EventStreamParser {
  #decoder = new TextDecoder();
  #line = '';
  /** @type {string[]} */
  #data = [];
  #size = 0;
  #afterReturn = false;
  /** What the server last asked to wait before coming back, in ms; null when it has not. */
  retry = /** @type {number | null} */ (null);

  /**
   * Takes the next bytes.
   *
   * @param {Uint8Array} bytes
   * @returns {string[]} The data of each message that is complete now.
   * @throws {RangeError} A message is too large.
   */
  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return [];
    // \r\n is one end of a line, even when it comes in two parts.
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1);
    this.#afterReturn = text === '' ? false : text.endsWith('\r');
    const lines = text.split(LINE_END);
    const last = lines.pop() ?? '';
    const messages = lines.flatMap((line) => this.#end(line));
    this.#grow(last);
    return messages;
  }

  /** @param {string} rest Of the line that has come so far. */
  #end(rest) {
    this.#grow(rest);
    const line = this.#line;
    this.#line = '';
    return line === '' ? this.#dispatch() : this.#field(line);
  }

  /** @param {string} text */
  #grow(text) {
    this.#line += text;
    this.#size += text.length;
    if (this.#size > MOST_CHARACTERS) throw new RangeError('an event is too large');
  }

  #dispatch() {
    this.#size = 0;
    return this.#data.length ? [this.#data.splice(0).join('\n')] : [];
  }

  /**
   * @param {string} line
   * @returns {string[]}
   */
  #field(line) {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') this.#data.push(value);
    else this.#size -= line.length;
    if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    return [];
  }
}
