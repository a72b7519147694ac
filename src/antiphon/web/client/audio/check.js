// The self-test: is everything there that a conversation needs?

import { ProblemError } from '../problems.js';
import { hearTone, playTone } from './check-tone.js';
import { Loudspeaker } from './loudspeaker.js';
import { Microphone } from './microphone.js';

/** @typedef {import('../types.js').Connect} Connect */
/** @typedef {import('../types.js').Server} Server */
/** @typedef {import('../problems.js').Problem} Problem */

/**
 * One thing that was looked at.
 *
 * @typedef {object} CheckResult
 * @property {'microphone' | 'level' | 'sample_rate' | 'processing' | 'loudspeaker' | 'server' | 'round_trip' | 'websocket' | 'webrtc'} name
 * @property {'ok' | 'warning' | 'failed' | 'skipped'} outcome
 * @property {Problem | null} problem
 * @property {string | number | boolean | null} value What was found: the microphone's label, its loudest level (0..1), Hz, the names of what
 *   processes its sound, whether the tone was heard (null: nobody knows), the server's address, ms.
 * @property {'Hz' | 'ms' | null} unit
 */

/**
 * @typedef {object} CheckOptions
 * @property {import('../types.js').MicrophoneOptions | MediaStream | Microphone | false} [microphone] One that is open is left so (iOS mutes
 *   it when a second one is opened).
 * @property {Loudspeaker} [loudspeaker] One that is unlocked; a new one, which needs a click, unless given.
 * @property {() => Promise<boolean>} [ask] Asks the user whether the tone was heard; asked when no microphone heard it.
 * @property {Server} [server]
 * @property {string | (() => Promise<string> | string)} [key]
 * @property {string} [model]
 * @property {{ websocket?: Connect, webrtc?: Connect }} [connects] Of ../transports: those that shall be tried.
 * @property {AbortSignal} [signal]
 */

const LEVEL_SECONDS = 5;
const CONNECT_SECONDS = 10;
// What a person says is louder (-39 dBFS).
const SPEECH_LEVEL = 0.4;
const FAST_MS = 300;

/**
 * Look at everything in turn: microphone, loudspeaker, network.
 *
 * @param {CheckOptions} options What is not given is skipped.
 * @returns {AsyncGenerator<CheckResult, void>} Each result as it comes. To leave early stops the test, and closes what it opened.
 */
export async function* check(options) {
  const loudspeaker = options.loudspeaker ?? new Loudspeaker();
  /** @type {Microphone | null} */
  let microphone = null;
  try {
    await loudspeaker.unlock();
    const opened = await openMicrophone(options);
    microphone = opened.microphone;
    yield opened.result;
    if (microphone) yield* checkMicrophone(microphone, options.signal);
    yield await checkLoudspeaker(loudspeaker, microphone, options);
    if (options.server) yield* checkNetwork(options.server, loudspeaker, microphone, options);
  } finally {
    if (microphone && microphone !== options.microphone) microphone.close();
    if (!options.loudspeaker) loudspeaker.close();
  }
}

/**
 * @param {CheckOptions} options
 * @returns {Promise<{ microphone: Microphone | null, result: CheckResult }>}
 */
async function openMicrophone({ microphone = {}, signal }) {
  if (microphone === false) return { microphone: null, result: result('microphone', 'skipped') };
  try {
    const open = microphone instanceof Microphone ? microphone : await Microphone.open(microphone, { signal });
    return { microphone: open, result: result('microphone', 'ok', open.label) };
  } catch (error) {
    return { microphone: null, result: failure('microphone', error, signal) };
  }
}

/**
 * @param {Microphone} microphone
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<CheckResult, void>}
 */
async function* checkMicrophone(microphone, signal) {
  const settings = microphone.track.getSettings?.() ?? {};
  yield settings.sampleRate
    ? { ...result('sample_rate', settings.sampleRate < 16_000 ? 'warning' : 'ok', settings.sampleRate), unit: 'Hz' }
    : result('sample_rate', 'skipped');
  const processing = processingOf(settings);
  yield result('processing', processing.includes('echoCancellation') ? 'ok' : 'warning', processing.join(' '));
  yield await checkLevel(microphone, signal);
}

/** @param {MediaTrackSettings} settings */
function processingOf({ echoCancellation, noiseSuppression, autoGainControl }) {
  const all = Object.entries({ echoCancellation, noiseSuppression, autoGainControl });
  return all.flatMap(([name, on]) => (on ? [name] : []));
}

/**
 * @param {Microphone} microphone
 * @param {AbortSignal} [signal]
 * @returns {Promise<CheckResult>} As soon as speech is heard.
 */
async function checkLevel(microphone, signal) {
  let loudest = 0;
  const end = performance.now() + LEVEL_SECONDS * 1000;
  while (performance.now() < end && loudest < SPEECH_LEVEL) {
    await pause(50, signal);
    loudest = Math.max(loudest, microphone.level());
  }
  if (loudest >= SPEECH_LEVEL) return result('level', 'ok', loudest);
  if (loudest > 0) return result('level', 'warning', loudest);
  const problem = new ProblemError('microphone_silent', `nothing came for ${LEVEL_SECONDS} seconds`).problem;
  return { ...result('level', 'failed', 0), problem };
}

/**
 * @param {Loudspeaker} loudspeaker
 * @param {Microphone | null} microphone
 * @param {CheckOptions} options
 * @returns {Promise<CheckResult>}
 */
async function checkLoudspeaker(loudspeaker, microphone, { ask, signal }) {
  try {
    const heard = microphone ? await hearTone(microphone, () => playTone(loudspeaker, signal)) : null;
    if (!microphone) await playTone(loudspeaker, signal);
    if (heard) return result('loudspeaker', 'ok', true);
    // A microphone that heard nothing proves nothing: echo cancellation is there to take the tone away.
    if (!ask) return result('loudspeaker', 'warning', null);
    if (await ask()) return result('loudspeaker', 'ok', true);
    throw new ProblemError('loudspeaker_failed', 'the user heard nothing');
  } catch (error) {
    return failure('loudspeaker', error, signal);
  }
}

/**
 * @param {Server} server
 * @param {Loudspeaker} loudspeaker
 * @param {Microphone | null} microphone
 * @param {CheckOptions} options
 * @returns {AsyncGenerator<CheckResult, void>}
 */
async function* checkNetwork(server, loudspeaker, microphone, options) {
  const { connects = {}, model = 'gpt-realtime', signal } = options;
  const key = async () => (typeof options.key === 'function' ? options.key() : (options.key ?? ''));
  yield* checkServer(server, key, signal);
  for (const name of /** @type {const} */ (['websocket', 'webrtc'])) {
    const connect = connects[name];
    yield connect
      ? await checkConnection(name, connect, { server, model, microphone, loudspeaker, key, signal })
      : result(name, 'skipped');
  }
}

/**
 * @param {Server} server
 * @param {() => Promise<string>} key
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<CheckResult, void>}
 */
async function* checkServer(server, key, signal) {
  try {
    const ask = await requestOf(server, key);
    const first = await timed(ask, signal); // opens the connection, so it is not the round trip
    yield answerResult(server, first.status);
    const { ms } = await timed(ask, signal);
    yield { ...result('round_trip', ms > FAST_MS ? 'warning' : 'ok', Math.round(ms)), unit: 'ms' };
  } catch (error) {
    const told = error instanceof TypeError ? new ProblemError('server_unreachable', error.message) : error;
    yield failure('server', told, signal);
    yield result('round_trip', 'skipped');
  }
}

/**
 * @param {Server} server
 * @param {() => Promise<string>} key
 * @returns {Promise<(signal: AbortSignal) => Promise<Response>>}
 */
async function requestOf(server, key) {
  if (server.kind === 'antiphon') {
    return (signal) => fetch(new URL('/healthz', server.url), { signal, cache: 'no-store' });
  }
  const headers = { Authorization: `Bearer ${await key()}` };
  return (signal) => fetch(`${server.url}/models`, { signal, headers, cache: 'no-store' });
}

/**
 * @param {(signal: AbortSignal) => Promise<Response>} ask
 * @param {AbortSignal} [signal]
 */
async function timed(ask, signal) {
  const began = performance.now();
  const limit = within(CONNECT_SECONDS, signal);
  try {
    const response = await ask(limit.signal);
    const ms = performance.now() - began;
    await response.body?.cancel();
    return { status: response.status, ms };
  } catch (error) {
    throw limit.told(error);
  } finally {
    limit.clear();
  }
}

/**
 * @param {Server} server
 * @param {number} status
 * @returns {CheckResult}
 */
function answerResult(server, status) {
  if (status < 400) return result('server', 'ok', server.url);
  const detail = `it answers with status ${status}`;
  // A client secret may do no more than open a session: that the server says no to a list of models does not matter.
  if (status === 401 || status === 403) return { ...result('server', 'ok', server.url), problem: null };
  const code = status === 503 ? 'server_not_ready' : 'server_error';
  return { ...result('server', 'failed', server.url), problem: { code, detail } };
}

/**
 * @param {'websocket' | 'webrtc'} name
 * @param {Connect} connect
 * @param {{ server: Server, model: string, microphone: Microphone | null, loudspeaker: Loudspeaker, key: () => Promise<string>,
 *   signal?: AbortSignal }} with_
 * @returns {Promise<CheckResult>} The value is how long it took.
 */
async function checkConnection(name, connect, { key, signal, ...request }) {
  const began = performance.now();
  const limit = within(CONNECT_SECONDS, signal);
  try {
    const connection = await connect({
      ...request,
      key: await key(),
      resume: null,
      speaks: true,
      signal: limit.signal,
      onEvent: () => undefined,
      onLost: () => undefined,
    });
    connection.close(false);
    return { ...result(name, 'ok', Math.round(performance.now() - began)), unit: 'ms' };
  } catch (error) {
    return failure(name, limit.told(error), signal);
  } finally {
    limit.clear();
  }
}

/**
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 */
function within(seconds, signal) {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new ProblemError('timed_out', `no answer in ${seconds} s`)),
    seconds * 1000,
  );
  const clear = () => clearTimeout(timer);
  signal?.addEventListener('abort', () => late.abort(signal.reason), { once: true });
  late.signal.addEventListener('abort', clear);
  return {
    signal: late.signal,
    clear,
    told: (/** @type {unknown} */ error) => (late.signal.aborted ? late.signal.reason : error),
  };
}

/**
 * @param {CheckResult['name']} name
 * @param {CheckResult['outcome']} outcome
 * @param {CheckResult['value']} [value]
 * @returns {CheckResult}
 */
function result(name, outcome, value = null) {
  return { name, outcome, problem: null, value, unit: null };
}

/**
 * @param {CheckResult['name']} name
 * @param {unknown} error
 * @param {AbortSignal} [signal]
 * @returns {CheckResult}
 */
function failure(name, error, signal) {
  signal?.throwIfAborted();
  const fallback =
    { microphone: 'microphone_failed', loudspeaker: 'loudspeaker_failed' }[String(name)] ?? 'server_error';
  const code = /** @type {import('../problems.js').ProblemCode} */ (fallback);
  const { problem } = error instanceof ProblemError ? error : new ProblemError(code, String(error));
  return { ...result(name, 'failed'), problem };
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
async function pause(ms, signal) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal?.throwIfAborted();
}
