// How long each part of each turn took, as the user had it: by when events came here, with the network's share in it.
//
// | phase       | from                                                | to                                                  |
// |-------------|-----------------------------------------------------|-----------------------------------------------------|
// | speech      | the user's first sound                              | the last one                                        |
// | endpointing | the last sound                                      | `speech_stopped`: the silence that the server waits |
// |             |                                                     | for, and the way of the audio there and the event's |
// |             |                                                     | way back                                            |
// | stt         | `speech_stopped`, else `committed`                  | the transcript's end, with the event's way back     |
// | model       | `response.created`; in a cascade the end of stt, if | the first sign of output, with the wait for a       |
// |             | that is later                                       | server's own queues                                 |
// | tts         | the first sign of output                            | the first sound here: synthesis, the network, and   |
// |             |                                                     | what is buffered before playing                     |
// | playback    | `output_audio_buffer.started`                       | `.stopped` or `.cleared`                            |
//
// When the voice began and ended is not told, but follows from the server's own positions in the audio: `speech_stopped`
// comes when it has heard `silence_duration_ms` of silence, and `audio_start_ms` is `prefix_padding_ms` before the voice.

/** @typedef {import('./types.js').Phase} Phase */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').Turn} Turn */
/** @typedef {import('./events.js').Reducers<Timeline>} Reducers */
/** @typedef {{ phase: Phase, begin: number, end: number | null }} Span */

const MOST_TURNS = 200;
const PADDING_MS = 300; // the API's defaults
const SILENCE_MS = 500;

/** The turns of a conversation. All times are of performance.now(), and are passed in. */
export class Timeline {
  #cascade;
  /** @type {Turn[]} From the oldest on. */
  #turns = [];
  /** @type {readonly Turn[] | null} */
  #shown = null;
  #count = 0;
  /** @type {Turn | null} */
  #changed = null;
  /** @type {Map<string, string>} Turns by response. */
  #responses = new Map();
  /** @type {Map<string, number>} Where in the audio speech began, in ms, by turn. */
  #starts = new Map();
  /** @type {Map<string, number>} When the user was done, by turn. */
  #ends = new Map();
  /** @type {Set<string>} Turns whose answer is told to be done, though it may still be played. */
  #answered = new Set();
  /** @type {Set<string>} Turns whose answer called tools, so that another response follows. */
  #calling = new Set();
  #transcribes = true;
  #silenceMs = /** @type {number | null} */ (SILENCE_MS);
  #paddingMs = PADDING_MS;

  /** @param {{ cascade?: boolean }} [options] `cascade`: the model begins when STT is done, as on servers of Antiphon. */
  constructor({ cascade = false } = {}) {
    this.#cascade = cascade;
  }

  /** @returns {readonly Turn[]} */
  get turns() {
    return (this.#shown ??= [...this.#turns]);
  }

  /**
   * Take a server event.
   *
   * @param {RealtimeEvent} event
   * @param {number} now
   * @returns {Turn | null} The turn that changed.
   */
  receive(event, now) {
    this.#changed = null;
    const reduce = /** @type {Record<string, ((timeline: Timeline, event: any, now: number) => void) | undefined>} */ (
      REDUCERS
    )[event.type];
    reduce?.(this, event, now);
    return this.#changed;
  }

  /**
   * Note that the user wrote something.
   *
   * @param {string} id Of the item.
   * @param {number} now
   * @returns {Turn | null}
   */
  write(id, now) {
    this.#changed = null;
    this.#begin(id, 'text');
    this.#ends.set(id, now);
    return this.#changed;
  }

  // --- for the reducers -----------------------------------------------------------------------------------------

  /** @param {import('./events.js').Session} session */
  configure({ audio }) {
    const detection = audio?.input?.turn_detection;
    // Semantic detection waits as long as it thinks right, and does not tell.
    this.#silenceMs = detection?.type === 'semantic_vad' ? null : (detection?.silence_duration_ms ?? SILENCE_MS);
    this.#transcribes = audio?.input?.transcription !== null; // else nothing tells of its end
    this.#paddingMs = detection?.prefix_padding_ms ?? PADDING_MS;
  }

  /**
   * @param {string} id
   * @param {number} startMs
   * @param {number} now
   */
  beginSpeech(id, startMs, now) {
    this.#begin(id, 'voice');
    this.#starts.set(id, startMs);
    this.#open(id, 'speech', now);
  }

  /**
   * @param {string} id
   * @param {number} endMs
   * @param {number} now
   */
  endSpeech(id, endMs, now) {
    const startMs = this.#starts.get(id);
    if (startMs === undefined) return;
    const end = now - (this.#silenceMs ?? 0);
    const begin = Math.min(end, now - Math.max(0, endMs - startMs - this.#paddingMs));
    this.#replace(id, 'speech', { phase: 'speech', begin, end });
    if (this.#silenceMs !== null) this.#add(id, { phase: 'endpointing', begin: end, end: now });
    this.#ends.set(id, end);
    if (this.#transcribes) this.#open(id, 'stt', now);
  }

  /**
   * @param {string} id
   * @param {number} now
   */
  commit(id, now) {
    // Speech whose end was told has begun its STT there; else the page itself has committed.
    if (this.#turn(id)) return;
    this.#begin(id, 'voice');
    this.#ends.set(id, now);
    if (this.#transcribes) this.#open(id, 'stt', now);
  }

  /**
   * @param {string} id
   * @param {number} now
   */
  transcribe(id, now) {
    this.#close(id, 'stt', now);
    const model = this.#last(id, 'model');
    // The cascade's model cannot have begun before.
    if (this.#cascade && model?.end === null) this.#replace(id, 'model', { ...model, begin: now });
  }

  /**
   * @param {import('./events.js').Response} response
   * @param {number} now
   */
  beginResponse({ id, conversation_id: conversation }, now) {
    if (conversation === null) return;
    const turnId = this.#turns.findLast((turn) => this.#awaitsResponse(turn))?.id ?? id;
    if (turnId === id) this.#begin(id, 'asked');
    this.#calling.delete(turnId);
    this.#responses.set(id, turnId);
    this.#open(turnId, 'model', now);
  }

  /**
   * @param {string} responseId
   * @param {number} now
   * @param {boolean} spoken Whether a sound will follow.
   */
  beginOutput(responseId, now, spoken) {
    const id = this.#responses.get(responseId);
    if (id === undefined) return;
    const isFirst = this.#last(id, 'model')?.end === null;
    this.#close(id, 'model', now);
    if (isFirst && spoken && !this.#last(id, 'playback')) this.#open(id, 'tts', now);
  }

  /**
   * What is written is not spoken.
   *
   * @param {string} responseId
   * @param {number} now
   */
  beginText(responseId, now) {
    const id = this.#responses.get(responseId);
    if (id === undefined) return;
    this.#close(id, 'model', now);
    if (this.#last(id, 'tts')?.end === null) this.#drop(id, 'tts');
  }

  /**
   * @param {import('./events.js').Response} response
   * @param {number} now
   */
  endResponse(response, now) {
    const id = this.#responses.get(response.id);
    if (id === undefined) return;
    this.#close(id, 'model', now);
    const calls = (response.output ?? []).some((item) => item.type === 'function_call');
    if (response.status === 'completed' && calls) return void this.#calling.add(id); // another response follows
    this.#answered.add(id);
    const isPlaying = this.#last(id, 'playback')?.end === null;
    if (response.status === 'failed') this.#settle(id, 'failed', now);
    else if (response.status === 'cancelled' && !isPlaying) this.#settle(id, 'cut', now);
    // What is to be played is not over yet.
    else if (!isPlaying && this.#last(id, 'tts')?.end !== null) this.#settle(id, 'done', now);
  }

  /**
   * @param {string} responseId
   * @param {number} now
   */
  startPlayback(responseId, now) {
    const id = this.#responses.get(responseId);
    const turn = id === undefined ? undefined : this.#turn(id);
    if (id === undefined || !turn) return;
    this.#close(id, 'model', now);
    this.#close(id, 'tts', now);
    const ended = this.#ends.get(id);
    const responseMs = turn.responseMs ?? (ended === undefined ? null : Math.max(0, now - ended));
    this.#close(id, 'playback', now);
    this.#change(id, { responseMs, status: 'going' });
    this.#open(id, 'playback', now);
  }

  /**
   * @param {string} responseId
   * @param {number} now
   * @param {boolean} cut
   */
  endPlayback(responseId, now, cut) {
    const id = this.#responses.get(responseId);
    if (id === undefined || this.#last(id, 'playback')?.end !== null) return;
    this.#close(id, 'playback', now);
    if (cut || this.#answered.has(id)) this.#settle(id, cut ? 'cut' : 'done', now);
  }

  // --- turns ----------------------------------------------------------------------------------------------------

  /**
   * Whether the next response is this turn's: it has none yet, or called tools before.
   *
   * @param {Turn} turn
   */
  #awaitsResponse({ id, status, spans }) {
    if (status !== 'going' || this.#last(id, 'speech')?.end === null) return false;
    return this.#calling.has(id) || !spans.some(({ phase }) => phase === 'model');
  }

  /**
   * @param {string} id
   * @param {Turn['begun']} begun
   */
  #begin(id, begun) {
    // Nobody answers an earlier turn any more that has no answer yet.
    for (const turn of this.#turns) {
      const hasAnswer = turn.spans.some(({ phase }) => phase === 'model');
      if (turn.status === 'going' && begun !== 'asked' && !hasAnswer) this.#set({ ...turn, status: 'done' });
    }
    const number = this.#turn(id)?.number ?? ++this.#count;
    this.#set({ id, number, begun, spans: [], responseMs: null, status: 'going' });
    if (this.#turns.length > MOST_TURNS) this.#forget(this.#turns.shift());
  }

  /** @param {Turn | undefined} turn */
  #forget(turn) {
    if (!turn) return;
    for (const known of [this.#starts, this.#ends, this.#answered, this.#calling]) known.delete(turn.id);
    for (const [response, id] of this.#responses) if (id === turn.id) this.#responses.delete(response);
  }

  /** @param {string} id */
  #turn(id) {
    return this.#turns.findLast((turn) => turn.id === id);
  }

  /** @param {Turn} turn */
  #set(turn) {
    const place = this.#turns.findIndex(({ id }) => id === turn.id);
    if (place < 0) this.#turns.push(turn);
    else this.#turns[place] = turn;
    this.#changed = turn;
    this.#shown = null;
  }

  /**
   * @param {string} id
   * @param {Partial<Turn>} change
   */
  #change(id, change) {
    const turn = this.#turn(id);
    if (turn) this.#set({ ...turn, ...change });
  }

  /**
   * @param {string} id
   * @param {Turn['status']} status
   * @param {number} now
   */
  #settle(id, status, now) {
    const turn = this.#turn(id);
    if (!turn) return;
    const spans = turn.spans.flatMap((span) => {
      if (span.end !== null || span.phase === 'stt') return [span];
      // Sound that did not come was no synthesis.
      return span.phase === 'tts' ? [] : [{ ...span, end: now }];
    });
    this.#set({ ...turn, spans, status });
  }

  // --- spans ----------------------------------------------------------------------------------------------------

  /**
   * @param {string} id
   * @param {Phase} phase
   * @returns {Span | undefined}
   */
  #last(id, phase) {
    return this.#turn(id)?.spans.findLast((span) => span.phase === phase);
  }

  /**
   * @param {string} id
   * @param {Phase} phase
   * @param {number} now
   */
  #open(id, phase, now) {
    this.#add(id, { phase, begin: now, end: null });
  }

  /**
   * @param {string} id
   * @param {Span} span
   */
  #add(id, span) {
    const turn = this.#turn(id);
    if (turn) this.#set({ ...turn, spans: [...turn.spans, span].sort((one, other) => one.begin - other.begin) });
  }

  /**
   * @param {string} id
   * @param {Phase} phase
   * @param {number} now
   */
  #close(id, phase, now) {
    const span = this.#last(id, phase);
    if (span?.end === null) this.#replace(id, phase, { ...span, end: now });
  }

  /**
   * Put a span in the place of the last one of a phase.
   *
   * @param {string} id
   * @param {Phase} phase
   * @param {Span} span
   */
  #replace(id, phase, span) {
    this.#drop(id, phase);
    this.#add(id, span);
  }

  /**
   * @param {string} id
   * @param {Phase} phase
   */
  #drop(id, phase) {
    const turn = this.#turn(id);
    const last = this.#last(id, phase);
    if (turn && last) this.#set({ ...turn, spans: turn.spans.filter((span) => span !== last) });
  }
}

/** @type {Reducers} */
const REDUCERS = {
  'session.created': (timeline, { session }) => timeline.configure(session),
  'session.updated': (timeline, { session }) => timeline.configure(session),
  'input_audio_buffer.speech_started': (timeline, event, now) =>
    timeline.beginSpeech(event.item_id, event.audio_start_ms, now),
  'input_audio_buffer.speech_stopped': (timeline, event, now) =>
    timeline.endSpeech(event.item_id, event.audio_end_ms, now),
  'input_audio_buffer.committed': (timeline, event, now) => timeline.commit(event.item_id, now),
  'conversation.item.input_audio_transcription.completed': (timeline, event, now) =>
    timeline.transcribe(event.item_id, now),
  'conversation.item.input_audio_transcription.failed': (timeline, event, now) =>
    timeline.transcribe(event.item_id, now),
  'response.created': (timeline, event, now) => timeline.beginResponse(event.response, now),
  // What is said begins as an item when the model's first word is there; what is called, with its name.
  'response.output_item.added': (timeline, event, now) =>
    timeline.beginOutput(event.response_id, now, event.item.type === 'message'),
  'response.output_text.delta': (timeline, event, now) => timeline.beginText(event.response_id, now),
  'response.output_audio_transcript.delta': (timeline, event, now) =>
    timeline.beginOutput(event.response_id, now, true),
  'response.done': (timeline, event, now) => timeline.endResponse(event.response, now),
  'output_audio_buffer.started': (timeline, event, now) => timeline.startPlayback(event.response_id, now),
  'output_audio_buffer.stopped': (timeline, event, now) => timeline.endPlayback(event.response_id, now, false),
  'output_audio_buffer.cleared': (timeline, event, now) => timeline.endPlayback(event.response_id, now, true),
};
