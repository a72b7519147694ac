// The conversation as it grows: what both sides said and wrote, in order, and what of it was heard.
import { Pace, atWord, isSpoken, messageOf, newRow, speaker } from './history-row.js';

/** @typedef {import('./events.js').Item} Item */
/** @typedef {import('./types.js').Entry} Entry */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').ToolCall} ToolCall */

const MOST_ENTRIES = 2000;
const MOST_RESPONSES = 100;
const ROUNDING_MS = 20; // players count in frames
const BYTES_PER_MS = 48; // PCM16 at 24000 Hz

/** @typedef {import('./history-row.js').Row} Row */
/** @typedef {import('./events.js').Reducers<History>} Reducers */

/** What was said, by item. All times are of performance.now(). */
export class History {
  /** @type {Row[]} */
  #order = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Map<string, { outside: boolean, items: string[], startedAt: number | null }>} */
  #responses = new Map();
  #pace = new Pace();
  #transcribes = true;
  #most;
  #isOwnTool;
  /** @type {Entry | null} */
  #changed = null;
  /** @type {readonly Entry[] | null} */
  #shown = null;

  /** @param {{ isOwnTool?: (name: string) => boolean, most?: number }} [options] */
  constructor({ isOwnTool = () => false, most = MOST_ENTRIES } = {}) {
    this.#isOwnTool = isOwnTool;
    this.#most = most;
  }

  /**
   * What was said. User entries may be empty at the end: something was heard, and no words were in it.
   *
   * @returns {readonly Entry[]}
   */
  get entries() {
    return (this.#shown ??= this.#order.flatMap(({ entry }) => (entry ? [entry] : [])));
  }

  /**
   * Take a server event.
   *
   * @param {RealtimeEvent} event
   * @param {number} now
   * @returns {Entry | null} The entry that changed.
   */
  receive(event, now) {
    this.#changed = null;
    const reduce = /** @type {Record<string, ((history: History, event: any, now: number) => void) | undefined>} */ (
      REDUCERS
    )[event.type];
    reduce?.(this, event, now);
    return this.#changed;
  }

  /**
   * Show what the user wrote, before the server confirms it.
   *
   * @param {Item} item
   * @param {number} now
   * @returns {Entry | null}
   */
  write(item, now) {
    this.#changed = null;
    if (!this.#rows.has(item.id)) this.place(item, undefined, now);
    this.finish(item, undefined, now);
    return this.#changed;
  }

  /**
   * Note what became of a call of one of the page's own tools.
   *
   * @param {ToolCall} call
   * @returns {Entry | null}
   */
  noteCall(call) {
    this.#changed = null;
    this.answerCall(call.callId, call.output, call.status);
    return this.#changed;
  }

  /**
   * Return the messages of both sides, to be put into a new session, and take them from here on for what was said before:
   * the items keep their ids, and what the new session tells of them changes nothing.
   *
   * @param {number} most Of messages; the latest.
   * @returns {Item[]}
   */
  carryOver(most) {
    for (const row of this.#order) {
      row.isOld = true;
      if (row.entry && (row.entry.status === 'growing' || row.entry.pending)) {
        this.#update(row, { status: row.entry.status === 'growing' ? 'done' : row.entry.status, pending: false });
      }
    }
    this.#responses.clear();
    return this.entries.flatMap(messageOf).slice(-most);
  }

  // --- for the reducers -----------------------------------------------------------------------------------------

  /** @param {object | null | undefined} transcription */
  setTranscription(transcription) {
    this.#transcribes = transcription !== null;
  }

  /**
   * Put an item where it belongs, and make its entry.
   *
   * @param {Item} item
   * @param {string | null | undefined} previousId Null for the front, undefined for the end.
   * @param {number} now
   */
  place(item, previousId, now) {
    const known = this.#rows.get(item.id);
    if (known?.isOld) return;
    const row = known ?? newRow(item.id);
    this.#rows.set(item.id, row);
    this.#move(row, previousId);
    if (!row.entry) this.#show(row, this.#entryOf(item, now));
    this.#trim();
  }

  /**
   * Take over an item as it is in the end.
   *
   * @param {Item} item
   * @param {string | null | undefined} previousId
   * @param {number} now
   */
  finish(item, previousId, now) {
    // At the end of an answer, null may stand for an item that was named right when it was added.
    if (!this.#rows.has(item.id)) this.place(item, previousId ?? undefined, now);
    const row = this.#rows.get(item.id);
    if (!row?.entry || row.isOld) return;
    this.#takeContent(row, item);
    if (row.entry.call) return this.#finishCall(row, item);
    const done = row.entry.status === 'cut' ? 'cut' : 'done';
    this.#update(row, { status: row.entry.from === 'assistant' && item.status === 'in_progress' ? 'growing' : done });
  }

  /**
   * Begin an entry for what the user says, before its item is there.
   *
   * @param {string} id
   * @param {number} now
   */
  beginSpeech(id, now) {
    if (!id || this.#rows.get(id)?.entry) return;
    const content = [{ type: 'input_audio', transcript: null }];
    this.place({ id, type: 'message', role: 'user', status: 'in_progress', content }, undefined, now);
  }

  /** Take back what the user said that will be no item. */
  dropUncommitted() {
    for (const { id, entry } of [...this.#order]) {
      if (entry?.from === 'user' && entry.status === 'growing') this.remove(id);
    }
  }

  /** @param {string} id */
  remove(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    this.#rows.delete(id);
    this.#order.splice(this.#order.indexOf(row), 1);
    this.#shown = null;
    this.#changed = row.entry;
  }

  /**
   * @param {string} id
   * @param {number} index Of the content part.
   * @param {(text: string) => string} change
   * @param {Partial<Entry>} [also]
   */
  setText(id, index, change, also = {}) {
    const row = this.#rows.get(id);
    if (!row?.entry || row.isOld) return;
    row.parts[index] = change(row.parts[index] ?? '');
    this.#update(row, { text: Array.from(row.parts, (part) => part ?? '').join(''), ...also });
    if (row.heardMs !== null) this.truncate(id, row.heardMs);
  }

  /**
   * @param {string} id
   * @param {string} responseId
   * @param {number} now
   */
  beginAnswer(id, responseId, now) {
    // Of what is said outside of the conversation, nothing is shown; of a lost event's item, what still comes.
    if (this.#rows.has(id) || this.#responses.get(responseId)?.outside) return;
    this.place({ id, type: 'message', role: 'assistant', status: 'in_progress', content: [] }, undefined, now);
  }

  /**
   * @param {string} id
   * @param {boolean} spoken
   */
  setSpoken(id, spoken) {
    const row = this.#rows.get(id);
    if (row?.entry && row.entry.spoken !== spoken) this.#update(row, { spoken });
  }

  /**
   * @param {string} id
   * @param {number} bytes
   */
  addAudio(id, bytes) {
    const row = this.#rows.get(id);
    row?.spoken.addAudio(bytes / BYTES_PER_MS, row.entry?.text.length ?? 0);
  }

  /**
   * Note how much of an answer was heard.
   *
   * @param {string} id
   * @param {number} ms
   */
  truncate(id, ms) {
    const row = this.#rows.get(id);
    if (!row?.entry || row.isOld) return;
    const { text, status } = row.entry;
    if (status === 'done' && row.spoken.ms > 0 && ms >= row.spoken.ms - ROUNDING_MS) return; // at its very end
    row.heardMs = ms;
    const spoken = row.spoken.ms > 0 ? row.spoken.characters(ms, text.length) : this.#pace.characters(text, ms);
    this.#update(row, { status: 'cut', heard: atWord(text, spoken) });
  }

  /**
   * @param {string} callId
   * @param {string | null} output
   * @param {ToolCall['status']} [status]
   */
  answerCall(callId, output, status) {
    const row = this.#order.find(({ entry }) => entry?.call?.callId === callId);
    const call = row?.entry?.call;
    if (!row || !call) return;
    const become = status ?? (call.status === 'running' ? 'done' : call.status);
    this.#update(row, { status: 'done', call: { ...call, output, status: become } });
  }

  /**
   * @param {string} id
   * @param {(given: string) => string} change
   */
  setArguments(id, change) {
    const row = this.#rows.get(id);
    const call = row?.entry?.call;
    if (row && call && !row.isOld) this.#update(row, { call: { ...call, arguments: change(call.arguments) } });
  }

  // --- responses ------------------------------------------------------------------------------------------------

  /** @param {import('./events.js').Response} response */
  beginResponse({ id, conversation_id: conversation }) {
    this.#responses.set(id, { outside: conversation === null, items: [], startedAt: null });
    if (this.#responses.size > MOST_RESPONSES) this.#responses.delete(this.#responses.keys().next().value ?? '');
  }

  /**
   * @param {string} id
   * @param {string} itemId
   */
  addToResponse(id, itemId) {
    this.#responses.get(id)?.items.push(itemId);
  }

  /** @param {import('./events.js').Response} response */
  endResponse({ id, status, output = [] }) {
    const items = new Set([...output.map((item) => item.id), ...(this.#responses.get(id)?.items ?? [])]);
    const whole = new Set(output.filter((item) => item.status === 'completed').map((item) => item.id));
    for (const itemId of items) {
      const row = this.#rows.get(itemId);
      if (row?.entry?.from !== 'assistant' || row.isOld) continue;
      if (status === 'cancelled' && !whole.has(itemId)) this.#update(row, { status: 'cut' });
      else if (row.entry.status === 'growing') this.#update(row, { status: 'done' });
    }
  }

  /**
   * @param {string} id
   * @param {number} now
   */
  startPlayback(id, now) {
    const response = this.#responses.get(id);
    if (response) response.startedAt = now;
  }

  /**
   * An answer was played to its end: that tells how fast the voice speaks.
   *
   * @param {string} id
   * @param {number} now
   */
  stopPlayback(id, now) {
    const response = this.#responses.get(id);
    if (!response || response.startedAt === null) return;
    const spoken = response.items.map((itemId) => this.#rows.get(itemId)?.entry).filter((entry) => entry?.spoken);
    this.#pace.learn(spoken.map((entry) => entry?.text).join(' '), now - response.startedAt);
  }

  // --- rows -----------------------------------------------------------------------------------------------------

  /**
   * @param {Row} row
   * @param {string | null | undefined} previousId
   */
  #move(row, previousId) {
    const from = this.#order.indexOf(row);
    if (previousId === undefined && from >= 0) return;
    if (from >= 0) this.#order.splice(from, 1);
    const to = this.#placeBehind(previousId);
    this.#order.splice(to, 0, row);
    if (to !== from) this.#show(row, row.entry);
  }

  /** @param {string | null | undefined} previousId */
  #placeBehind(previousId) {
    if (previousId === undefined) return this.#order.length;
    let place = this.#order.findIndex(({ id }) => id === previousId) + 1;
    if (place === 0 && previousId !== null) return this.#order.length;
    // Of an earlier session all stays in front, also what the new one was not told.
    while (this.#order[place]?.isOld) place += 1;
    return place;
  }

  #trim() {
    while (this.#order.length > this.#most) {
      const [oldest] = this.#order.splice(0, 1);
      if (oldest) this.#rows.delete(oldest.id);
      this.#shown = null;
    }
  }

  /**
   * @param {Item} item
   * @param {number} now
   * @returns {Entry | null}
   */
  #entryOf(item, now) {
    const from = speaker(item);
    if (!from) return null;
    const begun = { id: item.id, text: '', heard: null, spoken: isSpoken(item), at: now };
    if (from === 'tool') return { ...begun, from, status: 'growing', pending: false, call: this.#callOf(item) };
    const pending = from === 'user' && begun.spoken && this.#transcribes;
    return { ...begun, from, status: 'growing', pending, call: null };
  }

  /**
   * @param {Item} item
   * @returns {ToolCall}
   */
  #callOf({ id, call_id: callId = id, name = '', arguments: given = '', output = null }) {
    const status = this.#isOwnTool(name) ? 'running' : 'elsewhere';
    return { callId, name, arguments: given, output, status };
  }

  /**
   * @param {Row} row
   * @param {Item} item
   */
  #finishCall(row, item) {
    const call = row.entry?.call;
    if (!call) return;
    const failed = item.type === 'mcp_call' && item.error ? { output: JSON.stringify(item.error) } : {};
    const output = item.output ?? call.output;
    const status = row.entry?.status === 'done' || item.status !== 'in_progress' ? 'done' : 'growing';
    this.#update(row, { status, call: { ...call, arguments: item.arguments || call.arguments, output, ...failed } });
  }

  /**
   * @param {Row} row
   * @param {Item} item
   */
  #takeContent(row, item) {
    if (row.entry?.call) return;
    for (const [index, part] of (item.content ?? []).entries()) {
      const text = part.text ?? part.transcript;
      // A transcript that was taken away, of what was truncated or is still awaited, is none.
      if (typeof text === 'string') this.setText(item.id, index, () => text, { pending: false });
    }
    if (item.content?.length) this.setSpoken(item.id, isSpoken(item));
  }

  /**
   * @param {Row} row
   * @param {Entry | null} entry
   */
  #show(row, entry) {
    row.entry = this.#changed = entry;
    this.#shown = null;
  }

  /**
   * @param {Row} row
   * @param {Partial<Entry>} change
   */
  #update(row, change) {
    if (row.entry) this.#show(row, { ...row.entry, ...change });
  }
}

/** @type {Reducers} */
const REDUCERS = {
  'session.created': (history, { session }) => history.setTranscription(session.audio?.input?.transcription),
  'session.updated': (history, { session }) => history.setTranscription(session.audio?.input?.transcription),

  'conversation.item.added': (history, { item, previous_item_id: previous }, now) => {
    if (item.type === 'function_call_output') history.answerCall(item.call_id ?? '', item.output ?? '');
    history.place(item, previous, now);
    if (item.role === 'user') history.finish(item, previous, now);
  },
  'conversation.item.done': (history, { item, previous_item_id: previous }, now) => history.finish(item, previous, now),
  'conversation.item.deleted': (history, event) => history.remove(event.item_id),
  'conversation.item.truncated': (history, event) => history.truncate(event.item_id, event.audio_end_ms),

  'input_audio_buffer.speech_started': (history, event, now) => history.beginSpeech(event.item_id, now),
  'input_audio_buffer.cleared': (history) => history.dropUncommitted(),
  'conversation.item.input_audio_transcription.delta': (history, event, now) => {
    history.beginSpeech(event.item_id, now); // it may come before anything else of the item
    history.setText(event.item_id, event.content_index ?? 0, (text) => text + (event.delta ?? ''));
  },
  'conversation.item.input_audio_transcription.completed': (history, event) =>
    history.setText(event.item_id, event.content_index ?? 0, () => event.transcript, { pending: false }),
  'conversation.item.input_audio_transcription.failed': (history, event) =>
    history.setText(event.item_id, event.content_index ?? 0, (text) => text, { pending: false }),

  'response.created': (history, { response }) => history.beginResponse(response),
  'response.output_item.added': (history, event) => history.addToResponse(event.response_id, event.item.id),
  'response.output_text.delta': (history, event, now) => {
    history.beginAnswer(event.item_id, event.response_id, now);
    history.setText(event.item_id, event.content_index, (text) => text + event.delta);
  },
  'response.output_text.done': (history, event) =>
    history.setText(event.item_id, event.content_index, () => event.text),
  'response.output_audio_transcript.delta': (history, event, now) => {
    history.beginAnswer(event.item_id, event.response_id, now);
    history.setText(event.item_id, event.content_index, (text) => text + event.delta, { spoken: true });
  },
  'response.output_audio_transcript.done': (history, event) =>
    history.setText(event.item_id, event.content_index, () => event.transcript, { spoken: true }),
  'response.output_audio.delta': (history, event) => history.addAudio(event.item_id, event.audio_bytes ?? 0),
  'response.function_call_arguments.delta': (history, event) =>
    history.setArguments(event.item_id, (given) => given + event.delta),
  'response.function_call_arguments.done': (history, event) =>
    history.setArguments(event.item_id, () => event.arguments),
  'response.done': (history, { response }) => history.endResponse(response),

  'output_audio_buffer.started': (history, event, now) => history.startPlayback(event.response_id, now),
  'output_audio_buffer.stopped': (history, event, now) => history.stopPlayback(event.response_id, now),
};
