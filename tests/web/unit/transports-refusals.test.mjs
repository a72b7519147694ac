import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endProblem, httpProblem } from '../../../src/antiphon/web/client/transports/refusals.js';
import { closeProblem } from '../../../src/antiphon/web/client/transports/socket-close.js';

const http = (status, code) => httpProblem('GET x', status, code === undefined ? null : { code, message: 'why' }).code;

test('an HTTP error means what its code says, then what its status says', () => {
  const table = [
    [401, null, 'key_missing'],
    [401, 'invalid_api_key', 'key_invalid'],
    [403, 'origin_not_allowed', 'origin_not_allowed'],
    [400, 'missing_model', 'model_invalid'],
    [404, 'model_not_found', 'model_invalid'],
    [404, 'session_not_found', 'conversation_lost'],
    [404, undefined, 'not_offered'],
    [400, 'http_not_available', 'not_offered'],
    [501, 'webrtc_not_available', 'webrtc_not_available'],
    [503, 'server_full', 'server_full'],
    [503, 'server_not_ready', 'server_not_ready'],
    [503, 'server_shutting_down', 'server_shutting_down'],
    [502, undefined, 'server_unreachable'],
    [500, undefined, 'server_error'],
    [400, 'invalid_offer', 'webrtc_not_available'],
    [400, 'invalid_value', 'request_refused'],
    [429, 'insufficient_quota', 'request_refused'],
    [429, 'rate_limit_exceeded', 'server_full'],
    [429, undefined, 'server_full'],
    [400, 'toString', 'request_refused'],
  ];
  for (const [status, code, problem] of table) assert.equal(http(status, code), problem, `${status} ${code}`);
});

test('the server is quoted', () => {
  assert.equal(httpProblem('GET x', 400, { code: 'c', message: 'why' }).detail, 'GET x was answered 400, c: why');
});

test('a WebSocket that ends before there was a conversation says why there is none', () => {
  const before = (code, reason, error = null) => closeProblem({ code, reason, begun: false, error, moved: false }).code;
  assert.equal(before(3000, 'invalid_request_error.invalid_api_key'), 'key_invalid');
  assert.equal(before(3000, 'invalid_request_error'), 'key_missing');
  assert.equal(before(3000, 'invalid_request_error.insufficient_quota'), 'request_refused');
  assert.equal(before(3000, 'invalid_request_error.origin_not_allowed'), 'origin_not_allowed');
  assert.equal(before(4000, 'invalid_request_error.session_not_found'), 'conversation_lost');
  assert.equal(before(4000, '', { code: 'invalid_model', message: '' }), 'model_invalid');
  assert.equal(before(1013, 'server_error.server_not_ready'), 'server_not_ready');
  assert.equal(before(1012, 'server_error.server_shutting_down'), 'server_shutting_down');
  assert.equal(before(1006, ''), 'websocket_blocked');
});

test('a WebSocket that ends amid a conversation tells losses from ends', () => {
  const amidst = (code, reason = '', error = null, moved = false) =>
    closeProblem({ code, reason, begun: true, error, moved }).code;
  assert.equal(amidst(1006), 'connection_lost');
  assert.equal(amidst(1001, 'The server is shutting down.'), 'connection_lost');
  assert.equal(amidst(1012), 'connection_lost');
  assert.equal(amidst(1013, 'the client does not read'), 'connection_lost');
  assert.equal(amidst(1001, 'Your session hit the maximum duration of 60 minutes.'), 'session_expired');
  assert.equal(amidst(1001, '', { code: 'session_expired', message: '' }), 'session_expired');
  assert.equal(amidst(1000, 'The call was hung up.'), 'ended_by_server');
  assert.equal(amidst(1000, '', null, true), 'moved');
  assert.equal(amidst(1011, 'server_error.server_error'), 'server_error');
});

test('an end without a code is a loss, unless something was said before', () => {
  const end = (given) => endProblem({ what: 'it ended', error: null, moved: false, final: false, ...given }).code;
  assert.equal(end({}), 'connection_lost');
  assert.equal(end({ final: true }), 'ended_by_server');
  assert.equal(end({ moved: true, final: true }), 'moved');
  assert.equal(end({ error: { code: 'session_expired', message: '' } }), 'session_expired');
  assert.equal(end({ error: { code: 'invalid_value', message: '' } }), 'connection_lost');
});
