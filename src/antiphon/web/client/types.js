// The shapes that the client's modules share, and that pages meet. No code.

/** @typedef {import('./problems.js').Problem} Problem */
/** @typedef {import('./problems.js').ProblemCode} ProblemCode */

// --- the Realtime API -------------------------------------------------------------------------------------------

/**
 * An event of the Realtime API, either way. events.js has types for each of those that the client itself reads.
 *
 * @typedef {{ type: string, event_id?: string, [field: string]: unknown }} RealtimeEvent
 */

/**
 * A session's configuration, as `session.update` takes it, without `type`.
 *
 * @typedef {{ instructions?: string, output_modalities?: string[], audio?: object, tools?: object[], [field: string]: unknown }} SessionConfig
 */

// --- what pages give --------------------------------------------------------------------------------------------

/** @typedef {'webrtc' | 'websocket' | 'http' | 'text'} TransportName */

/**
 * Returns a client secret; asked anew for each connection that needs one. `renew`: the last one was refused, so none that was kept
 * will do. Where it has a field `model`, that is the model which the latest secret was made for.
 *
 * @typedef {((request: { signal: AbortSignal, renew?: boolean }) => Promise<string> | string) & { model?: string }} TokenSource
 */

/**
 * @typedef {object} MicrophoneOptions
 * @property {string} [deviceId] The default one unless given.
 * @property {boolean} [echoCancellation] True unless given; so are the next two.
 * @property {boolean} [noiseSuppression]
 * @property {boolean} [autoGainControl]
 */

/**
 * A function that the model may call in the page.
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} description
 * @property {object} parameters JSON schema of the arguments.
 * @property {(given: any, call: { callId: string, signal: AbortSignal }) => unknown} execute Its result, or what its promise gives, goes to the
 *   model: a string as it is, all else as JSON. What it throws is told to the model as an error.
 */

/**
 * How long a step may take, in seconds, until the next one is tried.
 *
 * @typedef {{ webrtc: number, websocket: number, http: number, text: number }} StepSeconds
 */

/**
 * @typedef {object} ClientOptions
 * @property {string} [url] Base URL of the API, such as `https://voice.example/v1` or `https://api.openai.com/v1`; the server that this
 *   module came from unless given.
 * @property {string | TokenSource} [token] A client secret, or what returns one; nothing where the server needs no key.
 * @property {string} [model] The one that the client secret names, else `gpt-realtime`.
 * @property {SessionConfig} [session] Sent as `session.update` once a new session is there.
 * @property {readonly TransportName[]} [transports] The steps of the ladder from the top; all four unless given.
 * @property {Partial<StepSeconds>} [seconds]
 * @property {MicrophoneOptions | MediaStream | false} [microphone] False for a conversation in text that is answered aloud.
 * @property {boolean} [speaks] False to be answered in text alone.
 * @property {string} [loudspeaker] Id of an output device; the default one unless given.
 * @property {readonly Tool[]} [tools]
 */

// --- what pages see ---------------------------------------------------------------------------------------------

/** @typedef {'listening' | 'hearing' | 'thinking' | 'speaking'} Activity */

/**
 * One step of the ladder that was tried, or passed over.
 *
 * @typedef {object} Attempt
 * @property {TransportName} transport
 * @property {'connecting' | 'connected' | 'failed'} outcome
 * @property {Problem | null} problem Why it failed.
 * @property {number} began By performance.now().
 * @property {number} seconds How long it took; up to now while it is connecting.
 */

/**
 * What the client is doing. A connection is there in `connected` alone.
 *
 * @typedef {{ type: 'idle' }
 *   | { type: 'connecting', transport: TransportName | null, attempts: readonly Attempt[] }
 *   | { type: 'connected', transport: TransportName, activity: Activity, attempts: readonly Attempt[] }
 *   | { type: 'reconnecting', transport: TransportName | null, problem: Problem, attempts: readonly Attempt[] }
 *   | { type: 'closed', problem: Problem | null, attempts: readonly Attempt[] }} ClientState
 */

/**
 * One entry of the conversation, as far as it is known.
 *
 * @typedef {object} Entry
 * @property {string} id Of the item.
 * @property {'user' | 'assistant' | 'tool'} from
 * @property {'growing' | 'done' | 'cut'} status `cut`: the user interrupted it, and did not hear all of it.
 * @property {string} text What was said or written; grows.
 * @property {number | null} heard How many characters of `text` were heard; null while nothing says that it was less than all.
 * @property {boolean} spoken Whether it is speech, not writing.
 * @property {boolean} pending Whether its transcript is still awaited.
 * @property {ToolCall | null} call For `tool`.
 * @property {number} at When it began, by performance.now().
 */

/**
 * @typedef {object} ToolCall
 * @property {string} callId
 * @property {string} name
 * @property {string} arguments JSON.
 * @property {string | null} output What went to the model; null until then.
 * @property {'running' | 'done' | 'failed' | 'elsewhere'} status `elsewhere`: not one of the page's own tools.
 */

/** @typedef {'speech' | 'endpointing' | 'stt' | 'model' | 'tts' | 'playback'} Phase */

/**
 * One turn's times, by performance.now(). What was not seen is not there.
 *
 * @typedef {object} Turn
 * @property {string} id
 * @property {number} number Counted from the conversation's beginning, from 1 on; those that are forgotten count.
 * @property {'voice' | 'text' | 'asked'} begun How: by speech, by writing, or by a response that was asked for.
 * @property {readonly { phase: Phase, begin: number, end: number | null }[]} spans In order; `end` is null while it lasts.
 * @property {number | null} responseMs From the end of the user's speech (or writing) to the first sound of the answer.
 * @property {'going' | 'done' | 'cut' | 'failed'} status
 */

/**
 * @typedef {object} MicrophoneState
 * @property {'off' | 'asking' | 'on' | 'failed'} type
 * @property {Problem | null} problem Also while `on`: muted, silent.
 * @property {string} label The device's name.
 * @property {string} deviceId
 * @property {boolean} muted By the page: `client.muted`.
 */

// --- between the client's modules -------------------------------------------------------------------------------

/**
 * Where the API is.
 *
 * @typedef {object} Server
 * @property {string} url Base URL without a slash at its end.
 * @property {'antiphon' | 'openai'} kind `openai`: has neither our extension events, nor HTTP and text.
 */

/**
 * What a conversation is gone on with.
 *
 * @typedef {object} ResumePoint
 * @property {string} token
 * @property {string | null} lastEventId Of the last event that came from it, over whatever transport.
 */

/**
 * What a step connects with.
 *
 * @typedef {object} ConnectRequest
 * @property {Server} server
 * @property {string} key '' where none is needed.
 * @property {string} model
 * @property {ResumePoint | null} resume Null for a new session.
 * @property {import('./audio/microphone.js').Microphone | null} microphone Null where the user's voice is not to be had.
 * @property {import('./audio/loudspeaker.js').Loudspeaker} loudspeaker
 * @property {boolean} speaks Whether answers are to be heard.
 * @property {AbortSignal} signal Aborted when the step took too long or is not wanted any more; its reason goes through.
 * @property {(event: RealtimeEvent) => void} onEvent For each server event, in order. The first comes before the promise is fulfilled, or
 *   behind it; none behind `onLost`.
 * @property {(problem: Problem) => void} onLost Once, when the connection ended and nobody here asked it to.
 */

/**
 * A connection that is open: events go through.
 *
 * @typedef {object} Connection
 * @property {TransportName} name
 * @property {string | null} token The conversation's, if known from something else than an event.
 * @property {(event: RealtimeEvent) => void} send Never throws; what cannot be sent any more is dropped, and `onLost` comes.
 * @property {(keep: boolean) => void} close `keep`: the conversation is to go on elsewhere, so it must not be ended. No `onLost` follows.
 */

/**
 * A step of the ladder.
 *
 * Throws ProblemError: 'step' problems make the ladder go on, others end it.
 *
 * @callback Connect
 * @param {ConnectRequest} request
 * @returns {Promise<Connection>}
 */

export {};
