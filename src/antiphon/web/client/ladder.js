// The steps from WebRTC down to text: tried in order, until one connects.
import { onAbort, unlessAborted } from './clock.js';
import { PROBLEMS, ProblemError } from './problems.js';

/** @typedef {import('./clock.js').Clock} Clock */
/** @typedef {import('./problems.js').ProblemCode} ProblemCode */
/** @typedef {import('./types.js').Attempt} Attempt */
/** @typedef {import('./types.js').Connection} Connection */
/** @typedef {import('./types.js').Problem} Problem */
/** @typedef {import('./types.js').StepSeconds} StepSeconds */
/** @typedef {import('./types.js').TransportName} TransportName */

/** @type {StepSeconds} */
export const SECONDS = { webrtc: 8, websocket: 6, http: 10, text: 10 };

/**
 * @typedef {object} Step
 * @property {TransportName} transport
 * @property {number} seconds How long it may take.
 * @property {Problem | null} passedOver Why it is not even tried.
 * @property {(signal: AbortSignal) => Promise<Connection>} connect
 */

/**
 * What a ladder needs.
 *
 * @typedef {object} Climb
 * @property {readonly Step[]} steps From the top.
 * @property {Clock} clock
 * @property {AbortSignal} signal Ends it; its reason is thrown.
 * @property {(attempts: readonly Attempt[]) => void} onProgress For each attempt that begins or ends.
 * @property {(connection: Connection) => void} onUnwanted Gets a connection that came when its step was over already.
 */

const LAST_WORDS_MS = 100;

// What a step fails with that threw something else than a problem: nobody knows whose fault it was, so the next one is tried.
/** @type {Record<TransportName, ProblemCode>} */
const UNEXPLAINED = {
  webrtc: 'webrtc_blocked',
  websocket: 'websocket_blocked',
  http: 'http_blocked',
  text: 'server_unreachable',
};
// With these, the server was never heard of.
const UNHEARD = new Set(['timed_out', 'websocket_blocked', 'http_blocked', 'webrtc_unsupported', 'server_unreachable']);
const NOT_TRIED = new Set(['not_wanted', 'not_offered']);

/**
 * Try one step after the other.
 *
 * @param {Climb} climb
 * @returns {Promise<Connection>} Of the first step that connects.
 * @throws {ProblemError} A step failed with a problem that is not of weight `step`, or all of them failed: then it is the
 *   problem that tells most.
 */
export async function climbed(climb) {
  const attempts = new Attempts(climb);
  for (const step of climb.steps) {
    if (step.passedOver) {
      attempts.pass(step);
      continue;
    }
    try {
      return await attempts.try(step);
    } catch (error) {
      if (!(error instanceof ProblemError) || PROBLEMS[error.code] !== 'step') throw error;
    }
  }
  throw mostTelling(attempts.list);
}

class Attempts {
  #climb;
  /** @type {Attempt[]} */
  list = [];

  /** @param {Climb} climb */
  constructor(climb) {
    this.#climb = climb;
  }

  /** @param {Step} step */
  pass({ transport, passedOver: problem }) {
    this.#set(this.list.length, { transport, outcome: 'failed', problem, began: this.#climb.clock.now(), seconds: 0 });
  }

  /**
   * @param {Step} step
   * @returns {Promise<Connection>}
   */
  async try(step) {
    const place = this.list.length;
    const began = this.#climb.clock.now();
    /** @type {(outcome: Attempt['outcome'], problem?: Problem | null) => void} */
    const note = (outcome, problem = null) => {
      const seconds = (this.#climb.clock.now() - began) / 1000;
      this.#set(place, { transport: step.transport, outcome, problem, began, seconds });
    };
    note('connecting');
    try {
      const connection = await this.#connection(step);
      note('connected');
      return connection;
    } catch (error) {
      const problem = this.#explained(step, error);
      note('failed', problem.problem);
      throw problem;
    }
  }

  /**
   * Connect within the step's time; a connection that comes later is not wanted any more.
   *
   * @param {Step} step
   */
  async #connection(step) {
    const { clock, signal, onUnwanted } = this.#climb;
    const limit = new AbortController();
    const given = new AbortController();
    const late = new ProblemError('timed_out', `no connection within ${step.seconds} s`);
    let cancel = clock.after(step.seconds * 1000, () => {
      limit.abort(late);
      // It may know better what it waited for.
      cancel = clock.after(LAST_WORDS_MS, () => given.abort(late));
    });
    const unlink = onAbort(signal, () => {
      limit.abort(signal.reason);
      given.abort(signal.reason);
    });
    const connecting = Promise.resolve().then(() => step.connect(limit.signal));
    try {
      return await unlessAborted(connecting, given.signal);
    } catch (error) {
      connecting.then(onUnwanted, () => {});
      throw error;
    } finally {
      cancel();
      unlink();
    }
  }

  /**
   * @param {Step} step
   * @param {unknown} error
   */
  #explained(step, error) {
    if (this.#climb.signal.aborted) throw this.#climb.signal.reason;
    if (error instanceof ProblemError) return error;
    return new ProblemError(UNEXPLAINED[step.transport], String(error), { cause: error });
  }

  /**
   * @param {number} place
   * @param {Attempt} attempt
   */
  #set(place, attempt) {
    this.list = [...this.list.slice(0, place), attempt];
    this.#climb.onProgress(this.list);
  }
}

/**
 * Return what to tell when all steps failed.
 *
 * @param {readonly Attempt[]} attempts
 * @returns {ProblemError}
 */
export function mostTelling(attempts) {
  const tried = attempts.flatMap(({ problem }) => (problem && !NOT_TRIED.has(problem.code) ? [problem] : []));
  const last = tried.at(-1) ?? attempts.at(-1)?.problem;
  if (!last) return new ProblemError('not_wanted', 'there is no step to try');
  if (tried.length > 1 && tried.every(({ code }) => UNHEARD.has(code))) {
    const told = attempts.map(({ transport, problem }) => `${transport}: ${problem?.code}`).join(', ');
    return new ProblemError('server_unreachable', told);
  }
  return new ProblemError(last.code, last.detail);
}
