// The events that the client itself reads or sends.
// Source: Realtime API, server events and client events; docs/transports.md for those of Antiphon.

// --- what events are made of ------------------------------------------------------------------------------------

/**
 * @typedef {object} ContentPart
 * @property {string} type `input_text`, `input_audio`, `output_text`, `output_audio`, `input_image`…
 * @property {string | null} [text]
 * @property {string | null} [transcript]
 */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} type `message`, `function_call`, `function_call_output`, `mcp_call`…
 * @property {'completed' | 'in_progress' | 'incomplete'} [status]
 * @property {'user' | 'assistant' | 'system'} [role]
 * @property {readonly ContentPart[]} [content]
 * @property {string} [call_id]
 * @property {string} [name]
 * @property {string} [arguments]
 * @property {string | null} [output]
 * @property {unknown} [error] Of an MCP call.
 */

/**
 * @typedef {object} Response
 * @property {string} id
 * @property {'in_progress' | 'completed' | 'cancelled' | 'incomplete' | 'failed'} status
 * @property {string | null} [conversation_id] Null for a response outside of the conversation; some servers leave it out.
 * @property {{ reason?: string } | null} [status_details]
 * @property {readonly Item[]} [output]
 * @property {readonly string[]} [output_modalities]
 */

/**
 * @typedef {object} TurnDetection
 * @property {string} type `server_vad` or `semantic_vad`.
 * @property {number} [silence_duration_ms]
 * @property {number} [prefix_padding_ms]
 * @property {boolean} [create_response]
 * @property {boolean} [interrupt_response]
 */

/**
 * @typedef {object} Session
 * @property {{ input?: { transcription?: object | null, turn_detection?: TurnDetection | null } }} [audio]
 */

// --- server events ----------------------------------------------------------------------------------------------

/** @typedef {{ type: 'session.created' | 'session.updated', event_id: string, session: Session }} SessionEvent */
/** @typedef {{ type: 'conversation.item.added' | 'conversation.item.done' | 'conversation.item.created', event_id: string,
 *   previous_item_id?: string | null, item: Item }} ItemEvent */
/** @typedef {{ type: 'conversation.item.deleted', event_id: string, item_id: string }} ItemDeleted */
/** @typedef {{ type: 'conversation.item.truncated', event_id: string, item_id: string, content_index: number,
 *   audio_end_ms: number }} ItemTruncated */
/** @typedef {{ type: 'conversation.item.input_audio_transcription.delta', event_id: string, item_id: string,
 *   content_index?: number, delta?: string }} TranscriptionDelta */
/** @typedef {{ type: 'conversation.item.input_audio_transcription.completed', event_id: string, item_id: string,
 *   content_index?: number, transcript: string }} TranscriptionCompleted */
/** @typedef {{ type: 'conversation.item.input_audio_transcription.failed', event_id: string, item_id: string,
 *   content_index?: number }} TranscriptionFailed */
/** @typedef {{ type: 'input_audio_buffer.speech_started', event_id: string, item_id: string, audio_start_ms: number }} SpeechStarted */
/** @typedef {{ type: 'input_audio_buffer.speech_stopped', event_id: string, item_id: string, audio_end_ms: number }} SpeechStopped */
/** @typedef {{ type: 'input_audio_buffer.committed', event_id: string, item_id: string, previous_item_id?: string | null }} Committed */
/** @typedef {{ type: 'input_audio_buffer.cleared', event_id: string }} InputCleared */
/** @typedef {{ type: 'output_audio_buffer.started' | 'output_audio_buffer.stopped' | 'output_audio_buffer.cleared',
 *   event_id?: string, response_id: string }} PlaybackEvent Over WebSocket and HTTP the client's own, without an `event_id`. */
/** @typedef {{ type: 'response.created' | 'response.done', event_id: string, response: Response }} ResponseEvent */
/** @typedef {{ type: 'response.output_item.added' | 'response.output_item.done', event_id: string, response_id: string,
 *   output_index: number, item: Item }} OutputItemEvent */
/** @typedef {{ type: 'response.output_text.delta' | 'response.output_audio_transcript.delta', event_id: string,
 *   response_id: string, item_id: string, content_index: number, delta: string }} TextDelta */
/** @typedef {{ type: 'response.output_text.done', event_id: string, response_id: string, item_id: string,
 *   content_index: number, text: string }} TextDone */
/** @typedef {{ type: 'response.output_audio_transcript.done', event_id: string, response_id: string, item_id: string,
 *   content_index: number, transcript: string }} TranscriptDone */
/** @typedef {{ type: 'response.output_audio.delta', event_id: string, response_id: string, item_id: string,
 *   content_index: number, delta?: string, audio_bytes?: number }} AudioDelta `delta` is empty here: the transport has taken the audio,
 *   PCM16 at 24000 Hz, and tells its length. */
/** @typedef {{ type: 'response.function_call_arguments.delta', event_id: string, response_id: string, item_id: string,
 *   call_id: string, delta: string }} ArgumentsDelta */
/** @typedef {{ type: 'response.function_call_arguments.done', event_id: string, response_id: string, item_id: string,
 *   call_id: string, name?: string, arguments: string }} ArgumentsDone */
/** @typedef {{ type: 'error', event_id: string, error: { type: string, code: string | null, message: string,
 *   param?: string | null, event_id?: string | null } }} ErrorEvent */
/** @typedef {{ type: 'antiphon.session.resumable', event_id: string, token: string, resume_seconds: number,
 *   call_id: string }} Resumable */
/** @typedef {{ type: 'antiphon.session.resumed', event_id: string, events: number, complete: boolean }} Resumed */
/** @typedef {{ type: 'antiphon.session.moved', event_id: string }} Moved */
/** @typedef {{ type: 'antiphon.client.notice', event_id?: undefined, problem: import('./types.js').Problem }} Notice Of a transport here. */
/** @typedef {{ type: 'antiphon.media.missing', event_id: string, seconds: number }} MediaMissing */

/**
 * @typedef {SessionEvent | ItemEvent | ItemDeleted | ItemTruncated | TranscriptionDelta | TranscriptionCompleted
 *   | TranscriptionFailed | SpeechStarted | SpeechStopped | Committed | InputCleared | PlaybackEvent | ResponseEvent
 *   | OutputItemEvent | TextDelta | TextDone | TranscriptDone | AudioDelta | ArgumentsDelta | ArgumentsDone | ErrorEvent
 *   | Resumable | Resumed | Moved | MediaMissing | Notice} ServerEvent
 */

/**
 * The members of a union whose type may be T.
 *
 * @template {{ type: string }} U
 * @template {string} T
 * @typedef {U extends unknown ? (T extends U['type'] ? U : never) : never} Having
 */

// --- client events ----------------------------------------------------------------------------------------------

/** @typedef {{ type: 'session.update', event_id?: string, session: import('./types.js').SessionConfig }} SessionUpdate */
/** @typedef {{ type: 'conversation.item.create', event_id?: string, previous_item_id?: string, item: Partial<Item> & { type: string } }} ItemCreate */
/** @typedef {{ type: 'response.create', event_id?: string, response?: object }} ResponseCreate */
/** @typedef {{ type: 'response.cancel', event_id?: string, response_id?: string }} ResponseCancel */
/** @typedef {{ type: 'output_audio_buffer.clear', event_id?: string }} OutputClear */

/** @typedef {SessionUpdate | ItemCreate | ResponseCreate | ResponseCancel | OutputClear} ClientEvent */

/**
 * The types of events by what they are handled with; those that are not in it are passed over.
 *
 * @template H
 * @typedef {{ [T in ServerEvent['type']]?: (handler: H, event: Having<ServerEvent, T>, now: number) => void }} Reducers
 */

// The API takes ids of at most 32 characters.
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 21;

/**
 * Return a new id of what the client itself creates, such as `item_4aK…`.
 *
 * @param {string} prefix
 */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_LENGTH));
  return prefix + Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/**
 * @param {unknown} data Of a message: JSON.
 * @returns {import('./types.js').RealtimeEvent | null} Null for what is no event: the API has no such thing.
 */
export function eventIn(data) {
  try {
    const event = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(/** @type {any} */ (data)));
    return typeof event?.type === 'string' ? event : null;
  } catch {
    return null;
  }
}

/** What is told to pages in an event of our own: `problem` is one of weight `notice`, or of the microphone. */
export function notice(/** @type {import('./problems.js').Problem} */ problem) {
  return { type: 'antiphon.client.notice', problem };
}
