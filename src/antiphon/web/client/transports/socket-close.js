// What the end of a WebSocket means. Source: docs/connect.md: "When it does not work".

import { ProblemError } from '../problems.js';
import { meaningOf } from './refusals.js';

/** @typedef {import('../problems.js').ProblemCode} ProblemCode */
/** @typedef {import('./refusals.js').ApiError} ApiError */

/** @type {Readonly<Record<number, ProblemCode>>} */
const BEFORE = {
  1001: 'server_shutting_down',
  1011: 'server_error',
  1012: 'server_shutting_down',
  1013: 'server_full',
  3000: 'key_missing',
  4000: 'request_refused',
};

/** @type {Readonly<Record<number, ProblemCode>>} */
const AMIDST = {
  1000: 'ended_by_server',
  1009: 'request_refused',
  1011: 'server_error',
  3000: 'request_refused',
  4000: 'request_refused',
};

/**
 * Such errors as have a meaning of their own keep it, whatever the close code.
 *
 * @param {object} end
 * @param {number} end.code
 * @param {string} end.reason
 * @param {boolean} end.begun Whether there was a conversation over it.
 * @param {ApiError | null} end.error The `error` event right before the end.
 * @param {boolean} end.moved
 */
export function closeProblem({ code, reason, begun, error, moved }) {
  const detail = `closed with ${code}${reason && `, ${reason}`}${error?.message ? `: ${error.message}` : ''}`;
  if (moved) return new ProblemError('moved', detail);
  const named = error?.code ?? reason.split('.')[1] ?? null;
  const meaning = meaningOf(named);
  if (meaning) return new ProblemError(meaning, detail);
  // The API's own words for the end of an hour come with 1001, which else is a server that goes.
  if (begun && code === 1001 && reason.includes('maximum duration')) return new ProblemError('session_expired', detail);
  if (!begun && code === 3000 && named !== null) return new ProblemError('request_refused', detail);
  const fallback = begun ? 'connection_lost' : 'websocket_blocked';
  return new ProblemError((begun ? AMIDST : BEFORE)[code] ?? fallback, detail);
}
