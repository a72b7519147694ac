// What is known of the answers that the playback queue was given, over whichever connections: who comes back goes on
// playing where the sound is, hears nothing twice, and can still say of each answer how much of it was heard.

import { PLAYBACK } from '../audio/playback-queue.js';
import { Answers, Recent } from './answers.js';
import { SampleJoiner } from './base64.js';

/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('../audio/playback-queue.js').PlaybackQueue} PlaybackQueue */
/** @typedef {import('../audio/loudspeaker.js').Loudspeaker} Loudspeaker */

/** @typedef {{ responseId: string, contentIndex: number, samples: number, joiner: SampleJoiner }} QueuedItem */
/** @typedef {{ itemId: string, contentIndex: number, responseId: string, ms: number }} Cut */

const SAMPLES_PER_MS = 24;
const MOST_DELTAS = 4_096; // as many as the server keeps for who comes back, about
const MOST_UNTOLD = 64;

/** One loudspeaker's answers. */
export class PlayedAnswers {
  /**
   * @param {Loudspeaker} loudspeaker
   * @returns {PlayedAnswers} The same one for each connection that plays there.
   */
  static of(loudspeaker) {
    const answers = Answers.of(loudspeaker);
    return (answers.played ??= new PlayedAnswers(loudspeaker, answers));
  }

  #loudspeaker;
  #answers;
  /** @type {PlaybackQueue | null} */
  #queue = null;
  /** @type {Map<string, QueuedItem>} In the order in which they are played. */
  #items = new Map();
  /** @type {Set<string>} Responses that sound now. */
  #sounding = new Set();
  #ended = new Recent();
  #cleared = new Recent();
  #deltas = new Recent(MOST_DELTAS);
  /** @type {Map<string, Cut>} Told to the server once it has closed the items. */
  #cuts = new Map();
  /** @type {RealtimeEvent[]} What happened while nobody was connected. */
  #untold = [];
  /** @type {((event: RealtimeEvent) => void) | null} */
  #listener = null;

  /**
   * Use `of`.
   *
   * @param {Loudspeaker} loudspeaker
   * @param {Answers} answers
   */
  constructor(loudspeaker, answers) {
    this.#loudspeaker = loudspeaker;
    this.#answers = answers;
  }

  /**
   * From now on tells of what is heard; first of what was while nobody listened.
   *
   * @param {(event: RealtimeEvent) => void} listener
   */
  tellTo(listener) {
    this.#listener = listener;
    for (const event of this.#untold.splice(0)) listener(event);
  }

  /**
   * Keeps what happens for the next listener, unless there is one already.
   *
   * @param {(event: RealtimeEvent) => void} listener
   */
  leave(listener) {
    if (this.#listener === listener) this.#listener = null;
  }

  /** The conversation is over. */
  forget() {
    if (this.#items.size > 0) this.#queue?.clear();
    for (const id of this.#responses()) this.#cleared.add(id);
    this.#items.clear();
    this.#sounding.clear();
    this.#cuts.clear();
    this.#untold.length = 0;
  }

  #responses() {
    return new Set([...this.#items.values()].map((item) => item.responseId));
  }

  // --- audio ------------------------------------------------------------------------------------------------------

  /** What is played next goes to the queue that the loudspeaker has now. */
  open() {
    const queue = this.#loudspeaker.queue(PLAYBACK);
    if (queue === this.#queue) return;
    this.#queue = queue;
    this.#items.clear();
    this.#sounding.clear();
    queue.addEventListener('started', (event) => this.#started(queue, idOf(event)));
    queue.addEventListener('stopped', (event) => this.#stopped(queue, idOf(event)));
  }

  /**
   * @param {any} event A `response.output_audio.delta`.
   * @param {Uint8Array} bytes Its audio.
   */
  play(event, bytes) {
    const { response_id: responseId, item_id: itemId, content_index: contentIndex = 0, event_id: id } = event;
    if (this.#cleared.has(responseId) || (id && this.#deltas.has(id))) return;
    if (id) this.#deltas.add(id);
    const item = this.#items.get(itemId) ?? { responseId, contentIndex, samples: 0, joiner: new SampleJoiner() };
    const pcm = item.joiner.join(bytes);
    this.#items.set(itemId, item);
    item.samples += pcm.length;
    if (pcm.length) this.#queue?.append({ responseId, itemId, contentIndex }, pcm);
  }

  /** Of responses that are done no more audio will come. Not said before what was missed has come: that may be theirs. */
  endDone() {
    for (const id of this.#responses()) {
      if (!this.#answers.done.has(id) || this.#ended.has(id)) continue;
      this.#ended.add(id);
      this.#queue?.end(id);
    }
  }

  /**
   * @param {PlaybackQueue} queue
   * @param {string} responseId
   */
  #started(queue, responseId) {
    if (queue !== this.#queue || this.#cleared.has(responseId)) return;
    this.#sounding.add(responseId);
    this.#tell('started', responseId);
  }

  /**
   * @param {PlaybackQueue} queue
   * @param {string} responseId
   */
  #stopped(queue, responseId) {
    if (queue !== this.#queue) return;
    for (const [id, item] of this.#items) if (item.responseId === responseId) this.#items.delete(id);
    if (this.#sounding.delete(responseId)) this.#tell('stopped', responseId);
  }

  /**
   * @param {string} happened
   * @param {string} responseId
   */
  #tell(happened, responseId) {
    const event = { type: `output_audio_buffer.${happened}`, response_id: responseId };
    if (this.#listener !== null) this.#listener(event);
    else if (this.#untold.push(event) > MOST_UNTOLD) this.#untold.shift();
  }

  // --- interruptions ----------------------------------------------------------------------------------------------

  /**
   * Silences the answers, with what is still to come of them.
   *
   * @param {object} [wanted]
   * @param {boolean} [wanted.unbegun] Also those that are not heard yet, since the server ends them.
   * @param {string} [wanted.only] Nothing happens unless this response is among them.
   * @returns {RealtimeEvent | null} What to tell of it; null when nothing was to be heard.
   */
  cut({ unbegun = false, only = '' } = {}) {
    const queued = this.#responses();
    if (only && !queued.has(only)) return null;
    for (const id of queued) this.#cleared.add(id);
    if (unbegun) for (const [id, inside] of this.#answers.open) if (inside) this.#cleared.add(id);
    if (queued.size === 0) return null;
    const heard = this.#queue?.clear() ?? null;
    for (const cut of this.#cutsOf(heard)) this.#cuts.set(cut.itemId, cut);
    this.#items.clear();
    this.#sounding.clear();
    return { type: 'output_audio_buffer.cleared', response_id: heard?.responseId ?? [...queued][0] };
  }

  /**
   * @param {{ itemId: string, playedMs: number } | null} heard
   * @returns {Cut[]} What was not heard to its end, and is of the conversation.
   */
  #cutsOf(heard) {
    const items = [...this.#items];
    const at = items.findIndex(([itemId]) => itemId === heard?.itemId);
    const cuts = items.slice(Math.max(at, 0)).flatMap(([itemId, item], index) => {
      // With nothing being played, what has begun to sound was heard as far as it came.
      const whole = at < 0 && this.#sounding.has(item.responseId);
      const heardMs = at >= 0 && index === 0 ? Math.floor(heard?.playedMs ?? 0) : 0;
      const ms = Math.min(whole ? Infinity : heardMs, Math.floor(item.samples / SAMPLES_PER_MS));
      return this.#answers.outside.has(item.responseId) || this.#isWhole(item, ms) ? [] : [{ itemId, ...item, ms }];
    });
    return cuts.map(({ itemId, contentIndex, responseId, ms }) => ({ itemId, contentIndex, responseId, ms }));
  }

  /**
   * @param {QueuedItem} item
   * @param {number} ms
   */
  #isWhole(item, ms) {
    return this.#answers.done.has(item.responseId) && ms >= Math.floor(item.samples / SAMPLES_PER_MS);
  }

  /**
   * Returns how the server can be told of cuts now: it closes an item before it takes a truncation of it.
   *
   * @param {string} [itemId] One that was closed right now.
   * @returns {string[]} Client events, as JSON.
   */
  truncations(itemId = '') {
    const ripe = [...this.#cuts.values()].filter(
      (cut) => cut.itemId === itemId || this.#answers.done.has(cut.responseId),
    );
    for (const cut of ripe) this.#cuts.delete(cut.itemId);
    return ripe.map((cut) => {
      const where = { item_id: cut.itemId, content_index: cut.contentIndex, audio_end_ms: cut.ms };
      return JSON.stringify({
        type: 'conversation.item.truncate',
        event_id: `cut_${cut.itemId}`.slice(0, 512),
        ...where,
      });
    });
  }
}

/** @param {Event} event */
function idOf(event) {
  return String(/** @type {any} */ (event).detail?.responseId ?? /** @type {any} */ (event).responseId ?? '');
}
