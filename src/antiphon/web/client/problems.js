// Everything that can go wrong, by code. Words and cures are in ../texts, a line for each code in each language.

/**
 * What a problem means for the conversation: `over` ends it (or keeps it from beginning), `step` makes the ladder go on
 * with its next step, `voice` leaves the conversation without the user's voice, `notice` is only told.
 *
 * @typedef {'over' | 'step' | 'voice' | 'notice'} Weight
 */

export const PROBLEMS = /** @type {const} */ ({
  // The microphone.
  insecure_context: 'voice', // browsers give the microphone to https and to this machine alone
  microphone_denied: 'voice', // by the user, or by the site's settings
  microphone_denied_by_system: 'voice',
  microphone_forbidden: 'voice', // by the permissions policy of the page around: an iframe without allow="microphone"
  microphone_missing: 'voice',
  microphone_busy: 'voice', // another program has it
  microphone_failed: 'voice',
  microphone_ended: 'voice', // unplugged, or its permission was taken back
  microphone_muted: 'notice', // by its own switch, or by the system
  microphone_silent: 'notice', // nothing but zeros comes from it
  // The loudspeaker.
  playback_blocked: 'notice', // the browser wants a click first
  loudspeaker_failed: 'notice',
  // The steps of the ladder.
  not_wanted: 'step', // left out by the page's options
  not_offered: 'step', // the server is known to have no such transport
  webrtc_unsupported: 'step', // by the browser
  webrtc_not_available: 'step', // in the server
  webrtc_blocked: 'step', // no way for UDP was found
  webrtc_silent: 'step', // connected, but no audio arrives
  websocket_blocked: 'step',
  http_blocked: 'step',
  stream_held_back: 'notice', // a proxy holds streams back: polling takes over
  timed_out: 'step',
  // Before there is a conversation.
  offline: 'over',
  server_unreachable: 'over',
  token_failed: 'over', // the page's token URL did not give a client secret
  key_missing: 'over',
  key_invalid: 'over', // wrong, or expired
  origin_not_allowed: 'over',
  model_invalid: 'over',
  server_full: 'over',
  server_not_ready: 'over',
  server_shutting_down: 'over',
  request_refused: 'over', // anything else that the server says no to
  server_error: 'over',
  // While there is one.
  connection_lost: 'notice', // coming back
  conversation_lost: 'notice', // it waited too long, or the server restarted: a new one begins where it was
  session_expired: 'over', // its longest time is over
  moved: 'over', // the conversation goes on elsewhere
  ended_by_server: 'over',
  tool_failed: 'notice',
});

/** @typedef {keyof typeof PROBLEMS} ProblemCode */

/**
 * A problem as it is told to pages.
 *
 * @typedef {object} Problem
 * @property {ProblemCode} code
 * @property {string} detail In English, for developers: what exactly was seen, without secrets; '' when there is nothing to add.
 */

/** A problem that keeps something from being done. */
export class ProblemError extends Error {
  /**
   * @param {ProblemCode} code
   * @param {string} [detail] What exactly was seen, without secrets.
   * @param {ErrorOptions} [options]
   */
  constructor(code, detail = '', options = undefined) {
    super(detail ? `${code}: ${detail}` : code, options);
    this.name = 'ProblemError';
    this.code = code;
    this.detail = detail;
  }

  /** @returns {Problem} */
  get problem() {
    return { code: this.code, detail: this.detail };
  }
}

/**
 * Return what is told of something that was thrown.
 *
 * @param {unknown} error
 */
export function message(error) {
  return error instanceof Error ? error.message : String(error);
}
