// The way to the server: climbed down the ladder, and made anew after losses, with the conversation kept.
import { onAbort } from './clock.js';
import { ComingBack, Trail, stepsFrom } from './coming-back.js';
import { SECONDS, climbed } from './ladder.js';
import { PROBLEMS, ProblemError } from './problems.js';
import { LADDER, offers } from './server.js';
import { watchWaking } from './waking.js';

/** @typedef {import('./clock.js').Clock} Clock */
/** @typedef {import('./ladder.js').Step} Step */
/** @typedef {import('./token.js').Keys} Keys */
/** @typedef {import('./types.js').Attempt} Attempt */
/** @typedef {import('./types.js').Connect} Connect */
/** @typedef {import('./types.js').Connection} Connection */
/** @typedef {import('./types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('./types.js').Problem} Problem */
/** @typedef {import('./types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('./types.js').Server} Server */
/** @typedef {import('./types.js').StepSeconds} StepSeconds */
/** @typedef {import('./types.js').TransportName} TransportName */
/** @typedef {import('./waking.js').Surroundings} Surroundings */
/** @typedef {import('./waking.js').Waking} Waking */

// Whoever was heard of so lately is there.
const RECENT_MS = 2000;
// A network that has just broken loads no code, so the steps that may be needed then are loaded before; but not while the first answer is
// awaited.
const LOAD_MS = 10_000;

/**
 * As ClientState, without what goes on in the conversation.
 *
 * @typedef {{ type: 'idle' }
 *   | { type: 'connecting', transport: TransportName | null, attempts: readonly Attempt[] }
 *   | { type: 'connected', transport: TransportName, attempts: readonly Attempt[] }
 *   | { type: 'reconnecting', transport: TransportName | null, problem: Problem, attempts: readonly Attempt[] }
 *   | { type: 'closed', problem: Problem | null, attempts: readonly Attempt[] }} LinkState
 */

/**
 * @typedef {object} LinkParts
 * @property {Server} server
 * @property {Keys} keys
 * @property {string} [model]
 * @property {readonly TransportName[]} [transports]
 * @property {Partial<StepSeconds>} [seconds]
 * @property {Record<TransportName, Connect>} connect
 * @property {(names: readonly TransportName[]) => Promise<void>} loadSteps
 * @property {Clock} clock
 * @property {Surroundings | null} around
 * @property {() => Pick<ConnectRequest, 'microphone' | 'loudspeaker' | 'speaks'>} equipment As it is when a step begins.
 * @property {(state: LinkState) => void} onState
 * @property {(event: RealtimeEvent, transport: TransportName) => void} onEvent Each one once.
 * @property {(problem: Problem) => void} onProblem
 */

/** One connection, or a try: what comes of another one is not listened to any more. */
class Try {
  /** @type {Problem | null} */
  lost = null;
  /** @type {Connection | null} */
  connection = null;

  /**
   * @param {TransportName} transport
   * @param {boolean} resumes
   * @param {ConnectRequest['microphone']} microphone
   */
  constructor(transport, resumes, microphone) {
    this.transport = transport;
    this.resumes = resumes;
    this.microphone = microphone;
  }
}

export class Link {
  #parts;
  #over = new AbortController();
  /** @type {LinkState} */
  #state = { type: 'idle' };
  #trail = new Trail();
  /** @type {Try | null} */
  #current = null;
  #back;
  /** @type {Map<TransportName, Problem>} Steps that fail though they connect. */
  #useless = new Map();
  /** @type {readonly Attempt[]} Why the way back does not begin at the top. */
  #above = [];
  #heardAt = 0;
  #hadSession = false;

  /** @param {LinkParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#back = new ComingBack({
      clock: parts.clock,
      signal: this.signal,
      isOnline: () => parts.around?.navigator.onLine !== false,
      onAnew: () => this.#trail.forget(),
    });
  }

  get state() {
    return this.#state;
  }

  /** Aborted when it is closed, by whomever. */
  get signal() {
    return this.#over.signal;
  }

  /** Whether all that was missed has come. */
  get isWhole() {
    return this.#trail.isWhole;
  }

  /** Whether the user's voice gets through. */
  get hasVoice() {
    return this.transport !== 'text' && !!this.#current?.microphone;
  }

  /** The transport of the connection that there is. */
  get transport() {
    return this.#state.type === 'connected' ? this.#state.transport : null;
  }

  /** @param {Promise<unknown>} ready What to wait for once the key is asked for. */
  async open(ready) {
    this.#set({ type: 'connecting', transport: null, attempts: [] });
    if (this.#parts.around) this.#watch(this.#parts.around);
    void this.#parts.loadSteps(this.#wanted.slice(0, 1));
    try {
      const key = this.#parts.keys.get(this.signal);
      await Promise.all([ready, key]);
      this.#adopt(await this.#climb(null, false, key));
      this.#loadSteps();
    } catch (error) {
      this.#end(problemOf(error));
      throw error;
    }
  }

  /**
   * End the conversation.
   *
   * @param {Problem | null} [problem]
   */
  close(problem = null) {
    this.#end(problem);
  }

  /**
   * Send a client event; dropped while there is no connection.
   *
   * @param {RealtimeEvent} event
   * @returns {boolean} Whether there was one.
   */
  send(event) {
    if (this.#state.type !== 'connected') return false;
    this.#current?.connection?.send(event);
    return true;
  }

  /**
   * Make the connection anew, with the conversation kept.
   *
   * @param {string} why
   */
  renew(why) {
    this.#back.hurry();
    if (this.#state.type !== 'connected') return;
    const { transport } = this.#state;
    this.#current?.connection?.close(this.#trail.point !== null);
    this.#current = null;
    void this.#comeBack({ code: 'connection_lost', detail: why }, transport);
  }

  // --- connecting -----------------------------------------------------------------------------------------------

  /**
   * Try the steps, with another key if the first one is refused.
   *
   * @param {TransportName | null} had
   * @param {boolean} isFirst
   * @param {Promise<string>} [key]
   */
  async #climb(had, isFirst, key = this.#parts.keys.get(this.signal)) {
    try {
      return await this.#steps(had, isFirst, await key);
    } catch (error) {
      const isRefused = error instanceof ProblemError && error.code === 'key_invalid';
      if (!isRefused || !this.#parts.keys.renewable) throw error;
      return this.#steps(had, isFirst, await this.#parts.keys.get(this.signal, true));
    }
  }

  /**
   * @param {TransportName | null} had
   * @param {boolean} isFirst
   * @param {string} key
   */
  #steps(had, isFirst, key) {
    const { clock, transports: wanted = LADDER } = this.#parts;
    // On the way back there is no need to say again what is not wanted.
    const names = had ? stepsFrom(wanted, had, isFirst) : this.#inOrder(wanted);
    const steps = names.map((transport) => this.#step(transport, key));
    return climbed({
      steps,
      clock,
      signal: this.signal,
      onProgress: (attempts) => this.#progress(attempts),
      onUnwanted: (connection) => connection.close(this.#trail.point !== null),
    });
  }

  /**
   * Return the wanted steps with those that are not, where these would have been.
   *
   * @param {readonly TransportName[]} steps In an order of the page's own perhaps.
   */
  #inOrder(steps) {
    const isInOrder = LADDER.filter((name) => steps.includes(name)).every((name, place) => name === steps[place]);
    return isInOrder ? LADDER : steps;
  }

  /**
   * @param {TransportName} transport
   * @param {string} key
   * @returns {Step}
   */
  #step(transport, key) {
    const seconds = this.#parts.seconds?.[transport] ?? SECONDS[transport];
    const connect = (/** @type {AbortSignal} */ signal) => this.#connect(transport, key, signal);
    return { transport, seconds, passedOver: this.#whyNot(transport), connect };
  }

  /**
   * @param {TransportName} transport
   * @returns {Problem | null}
   */
  #whyNot(transport) {
    const { transports, server } = this.#parts;
    if (transports && !transports.includes(transport)) return { code: 'not_wanted', detail: '' };
    if (!offers(server.kind, transport)) return { code: 'not_offered', detail: server.url };
    return this.#useless.get(transport) ?? null;
  }

  /**
   * @param {TransportName} transport
   * @param {string} key
   * @param {AbortSignal} signal
   */
  async #connect(transport, key, signal) {
    const { server, keys, model } = this.#parts;
    const resume = this.#trail.point;
    const equipment = this.#parts.equipment();
    const one = (this.#current = new Try(transport, resume !== null, equipment.microphone));
    const connection = await this.#parts.connect[transport]({
      ...equipment,
      server,
      key,
      model: model || keys.model || 'gpt-realtime',
      resume,
      signal,
      onEvent: (event) => this.#receive(one, event),
      onLost: (problem) => this.#lose(one, problem),
    });
    if (this.#current === one) one.connection = connection;
    return connection;
  }

  /** @param {readonly Attempt[]} attempts */
  #progress(attempts) {
    const latest = attempts.at(-1);
    const transport = latest?.outcome === 'failed' ? null : (latest?.transport ?? null);
    const change = { transport, attempts: [...this.#above, ...attempts] };
    if (this.#state.type === 'connecting') this.#set({ ...this.#state, ...change });
    if (this.#state.type === 'reconnecting') this.#set({ ...this.#state, ...change });
  }

  get #wanted() {
    return (this.#parts.transports ?? LADDER).filter((name) => !this.#whyNot(name));
  }

  /** Have the other steps ready. */
  #loadSteps() {
    const { clock, loadSteps } = this.#parts;
    onAbort(
      this.signal,
      clock.after(LOAD_MS, () => void loadSteps(this.#wanted)),
    );
  }

  /** @param {Connection} connection */
  #adopt(connection) {
    const one = this.#current;
    if (this.signal.aborted || !one || one.connection !== connection) return connection.close(false);
    const attempts = this.#state.type === 'idle' ? [] : this.#state.attempts;
    this.#trail.noteToken(connection.token);
    this.#heardAt = this.#parts.clock.now();
    this.#back.connected();
    if (this.#hadSession && !one.resumes) this.#parts.onProblem({ code: 'conversation_lost', detail: '' });
    const isEquipped = one.microphone === this.#parts.equipment().microphone;
    this.#hadSession ||= isEquipped;
    this.#set({ type: 'connected', transport: one.transport, attempts });
    if (one.lost) this.#leave(one, one.lost);
    else if (!isEquipped) this.renew('the microphone came or went');
  }

  // --- losing and coming back -----------------------------------------------------------------------------------

  /**
   * @param {Try} one
   * @param {RealtimeEvent} event
   */
  #receive(one, event) {
    if (one !== this.#current || this.signal.aborted) return;
    this.#heardAt = this.#parts.clock.now();
    if (!this.#trail.note(event)) return;
    // Whoever has the token has the conversation: it is for nobody else.
    const told = event.type === 'antiphon.session.resumable' ? { ...event, token: '…' } : event;
    this.#parts.onEvent(told, one.transport);
  }

  /**
   * @param {Try} one
   * @param {Problem} problem
   */
  #lose(one, problem) {
    if (one !== this.#current || this.signal.aborted) return;
    // It may come before anybody knows that there was a connection.
    if (this.#state.type === 'connected') this.#leave(one, problem);
    else one.lost = problem;
  }

  /**
   * @param {Try} one
   * @param {Problem} problem
   */
  #leave(one, problem) {
    this.#current = null;
    const isOver = problem.code === 'moved' || problem.code === 'ended_by_server';
    if (isOver || problem.code === 'session_expired' || problem.code === 'conversation_lost') this.#trail.forget();
    if (isOver) return this.#end(problem);
    if (PROBLEMS[problem.code] === 'step') this.#useless.set(one.transport, problem);
    this.#parts.onProblem(problem);
    void this.#comeBack(problem, one.transport);
  }

  /**
   * @param {Problem} problem
   * @param {TransportName} had
   */
  async #comeBack(problem, had) {
    const before = this.#state.type === 'idle' ? [] : this.#state.attempts;
    this.#set({ type: 'reconnecting', transport: null, problem, attempts: [] });
    try {
      const connection = await this.#back.run(problem, (isFirst) => {
        this.#above = isFirst ? before.filter(({ outcome }) => outcome === 'failed') : [];
        return this.#climb(had, isFirst);
      });
      this.#adopt(connection);
    } catch (error) {
      this.#end(problemOf(error));
    }
  }

  /** @param {Surroundings} around */
  #watch(around) {
    const { signal } = this;
    watchWaking(around, this.#parts.clock, (waking) => this.#wake(waking), signal);
    // A page that is left for good takes no place at the server.
    const leave = (/** @type {Event} */ event) => {
      if (!(/** @type {PageTransitionEvent} */ (event).persisted)) this.#hangUp();
    };
    around.window.addEventListener('pagehide', leave, { signal });
  }

  /** @param {Waking} waking */
  #wake(waking) {
    if (waking === 'online' || waking === 'network_changed') this.#useless.clear();
    this.#back.hurry();
    if (this.#state.type !== 'connected' || waking === 'visible') return;
    const isRecent = this.#parts.clock.now() - this.#heardAt < RECENT_MS;
    // Where nobody can come back, a connection is kept until it is known to be lost.
    if (waking === 'restored' || (this.#trail.point && !isRecent)) this.renew(`the page's surroundings: ${waking}`);
  }

  /** @param {Problem | null} problem */
  #end(problem) {
    if (this.signal.aborted) return;
    const attempts = this.#state.type === 'idle' ? [] : this.#state.attempts;
    this.#over.abort(new DOMException('The conversation was ended.', 'AbortError'));
    this.#hangUp();
    this.#current = null;
    if (problem) this.#parts.onProblem(problem);
    this.#set({ type: 'closed', problem, attempts });
  }

  /** End it at the server: over the connection, or else by its token, so that nobody is waited for there. */
  #hangUp() {
    const connection = this.#current?.connection;
    const { point } = this.#trail;
    if (connection || !point) return connection?.close(false);
    const asked = { method: 'DELETE', headers: { 'Antiphon-Session': point.token }, keepalive: true };
    fetch(`${this.#parts.server.url}/realtime/events`, asked).catch(() => {});
  }

  /** @param {LinkState} state */
  #set(state) {
    this.#state = state;
    this.#parts.onState(state);
  }
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
function problemOf(error) {
  return error instanceof ProblemError ? error.problem : { code: 'server_error', detail: String(error) };
}
