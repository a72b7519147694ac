// What servers say no with, and what that means here: one table for HTTP, WebSockets and data channels.
// Source: docs/connect.md, docs/http.md, docs/webrtc.md, docs/chat.md: "When it does not work".

import { ProblemError } from '../problems.js';

/** @typedef {import('../problems.js').ProblemCode} ProblemCode */

/**
 * An error as the API tells it.
 *
 * @typedef {{ code: string | null, message: string, type?: string }} ApiError
 */

/** @type {Readonly<Record<string, ProblemCode>>} */
const BY_CODE = {
  invalid_api_key: 'key_invalid',
  origin_not_allowed: 'origin_not_allowed',
  invalid_model: 'model_invalid',
  missing_model: 'model_invalid',
  model_not_found: 'model_invalid',
  server_full: 'server_full',
  call_full: 'server_full',
  server_not_ready: 'server_not_ready',
  server_shutting_down: 'server_shutting_down',
  webrtc_not_available: 'webrtc_not_available',
  media_not_available: 'webrtc_not_available', // no port is free for media: the other steps need none
  invalid_offer: 'webrtc_not_available', // nor do they need one that the server understands
  http_not_available: 'not_offered',
  chat_not_available: 'not_offered',
  session_not_found: 'conversation_lost',
  session_expired: 'session_expired',
  server_error: 'server_error',
  insufficient_quota: 'request_refused', // which no waiting helps, unlike what else is told with 429
};

/**
 * @param {string | null} code Of an API error.
 * @returns {ProblemCode | null} Null for one that says nothing by itself.
 */
export function meaningOf(code) {
  return code !== null && Object.hasOwn(BY_CODE, code) ? (BY_CODE[code] ?? null) : null;
}

/**
 * @param {unknown} value An error's JSON, or an event's.
 * @returns {ApiError | null}
 */
export function apiError(value) {
  const error = /** @type {any} */ (value)?.error;
  if (typeof error !== 'object' || error === null) return null;
  const code = typeof error.code === 'string' ? error.code : null;
  return { code, message: String(error.message ?? ''), type: String(error.type ?? '') };
}

/**
 * Returns what an HTTP answer means that is no success.
 *
 * @param {string} what Was asked: method and address without its query.
 * @param {number} status
 * @param {ApiError | null} error
 */
export function httpProblem(what, status, error) {
  const words = [error?.code, error?.message].filter(Boolean).join(': ');
  return new ProblemError(
    httpCode(status, error?.code ?? null),
    `${what} was answered ${status}${words && `, ${words}`}`,
  );
}

/**
 * @param {number} status
 * @param {string | null} code
 * @returns {ProblemCode}
 */
function httpCode(status, code) {
  const meaning = meaningOf(code);
  if (meaning) return meaning;
  if (status === 401) return 'key_missing';
  // A server that has no such address may still have the other steps' ones.
  if (status === 404 || status === 405 || status === 501) return code === null ? 'not_offered' : 'request_refused';
  if (status === 429) return 'server_full'; // of a proxy, perhaps
  // What stands before a server that is gone.
  if (status === 502 || status === 504) return 'server_unreachable';
  return status >= 500 ? 'server_error' : 'request_refused';
}

/**
 * Returns what the end of a connection means that has no close codes: a data channel, a stream.
 *
 * @param {object} end
 * @param {string} end.what Was seen.
 * @param {ApiError | null} end.error The `error` event right before the end.
 * @param {boolean} end.moved
 * @param {boolean} end.final Whether the server is known to have ended the conversation.
 */
export function endProblem({ what, error, moved, final }) {
  const detail = `${what}${error?.message ? `: ${error.message}` : ''}`;
  if (moved) return new ProblemError('moved', detail);
  const code = error?.code ?? '';
  if (code === 'session_expired' || code === 'server_error') {
    return new ProblemError(code, detail);
  }
  return new ProblemError(final ? 'ended_by_server' : 'connection_lost', detail);
}

/** Keeps what the last events said of an end that may be near. */
export class LastWords {
  /** @type {ApiError | null} */
  error = null;
  moved = false;

  /** @param {import('../types.js').RealtimeEvent} event */
  note(event) {
    this.error = event.type === 'error' ? apiError(event) : null;
    this.moved ||= event.type === 'antiphon.session.moved';
  }
}
