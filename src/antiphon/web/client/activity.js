// What goes on right now in a conversation: from its events, and nothing else.

/** @typedef {import('./types.js').Activity} ActivityName */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./events.js').Reducers<Activity>} Reducers */

export class Activity {
  /** The user speaks. */
  hearing = false;
  /** The user has spoken, and an answer is to come. */
  awaited = false;
  /** @type {string | null} The item that was heard last. */
  heardItem = null;
  /** @type {Set<string>} Responses of the conversation that are not done. */
  responses = new Set();
  /** @type {string | null} The response that is played. */
  playing = null;
  /** @type {string | null} The response that will be played. */
  due = null;
  /** @type {string | null} The response that began to be played last. */
  played = null;
  /** @type {Set<string>} Those of `responses` that were silenced: what they are told to say is not awaited. */
  cut = new Set();
  /** Whether the running response writes, so that nothing will be played. */
  writing = false;
  /** Whether the server answers by itself when the user has spoken. */
  answersSpeech = true;

  /** @returns {ActivityName} */
  get name() {
    if (this.hearing) return 'hearing';
    if (this.playing !== null || this.writing) return 'speaking';
    return this.responses.size > 0 || this.awaited || this.due !== null ? 'thinking' : 'listening';
  }

  /** Whether a response may be asked for: none is running, and none will come by itself. */
  get mayAsk() {
    return !this.hearing && !this.awaited && this.responses.size === 0;
  }

  /**
   * Take a server event.
   *
   * @param {RealtimeEvent} event
   */
  receive(event) {
    const reduce = /** @type {Record<string, ((activity: Activity, event: any) => void) | undefined>} */ (REDUCERS)[
      event.type
    ];
    reduce?.(this, event);
  }
}

/** @type {Reducers} */
const REDUCERS = {
  'session.created': (activity, { session }) => {
    Object.assign(activity, new Activity());
    activity.answersSpeech = answersSpeech(session);
  },
  'session.updated': (activity, { session }) => {
    activity.answersSpeech = answersSpeech(session);
  },
  'input_audio_buffer.speech_started': (activity) => {
    activity.hearing = true;
    // If they are played all the same, that will be told.
    activity.cut = new Set(activity.responses);
    activity.due = null;
  },
  'input_audio_buffer.speech_stopped': (activity, event) => {
    activity.hearing = false;
    activity.awaited = activity.answersSpeech;
    activity.heardItem = event.item_id;
  },
  'input_audio_buffer.cleared': (activity) => {
    activity.hearing = activity.awaited = false;
  },
  // Where nothing was understood, some servers do not answer.
  'conversation.item.input_audio_transcription.completed': (activity, event) => {
    if (event.item_id === activity.heardItem && !event.transcript.trim()) activity.awaited = false;
  },
  'conversation.item.input_audio_transcription.failed': (activity, event) => {
    if (event.item_id === activity.heardItem) activity.awaited = false;
  },
  'response.created': (activity, { response }) => {
    if (response.conversation_id === null) return;
    activity.awaited = activity.writing = false;
    activity.responses.add(response.id);
  },
  'response.output_text.delta': (activity, event) => {
    activity.writing = activity.responses.has(event.response_id);
  },
  // It may be told whole before its first sound.
  'response.output_audio_transcript.delta': (activity, { response_id: id }) => {
    if (activity.responses.has(id) && activity.played !== id && !activity.cut.has(id)) activity.due = id;
  },
  'response.done': (activity, { response }) => {
    if (activity.responses.delete(response.id)) activity.writing = false;
    activity.cut.delete(response.id);
    if (response.status !== 'completed' && activity.due === response.id) activity.due = null;
  },
  'output_audio_buffer.started': (activity, event) => {
    activity.playing = activity.played = event.response_id;
    activity.due = null;
  },
  'output_audio_buffer.stopped': (activity) => {
    activity.playing = null;
  },
  'output_audio_buffer.cleared': (activity, event) => {
    activity.playing = activity.due = null;
    if (activity.responses.has(event.response_id)) activity.cut.add(event.response_id);
  },
};

/** @param {import('./events.js').Session} session */
function answersSpeech({ audio }) {
  const detection = audio?.input?.turn_detection;
  return detection !== null && detection?.create_response !== false;
}
