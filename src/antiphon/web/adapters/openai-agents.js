// @openai/agents-realtime over the ladder: WebRTC, else WebSocket, else HTTP, else text.
//
// The SDK's own base class makes the session's events of the API's, and the API's of what the session asks for. It is
// given, not imported: a page without a bundler has no name to import it by, and a second copy of the SDK would not
// be the one whose session this transport serves.
import { AntiphonClient } from '../client/client.js';
import { ProblemError } from '../client/problems.js';

/** @typedef {import('../client/types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('../client/types.js').SessionConfig} SessionConfig */
/** @typedef {import('../client/types.js').ClientState} ClientState */
/** @typedef {import('../client/types.js').ClientOptions} ClientOptions */
/** @typedef {import('@openai/agents-realtime').RealtimeTransportLayerConnectOptions} ConnectOptions */
/** @typedef {NonNullable<ConnectOptions['initialSessionConfig']>['tracing']} Tracing */

/**
 * The SDK's options beside the client's own, but for what the session gives: the key, the configuration and the tools.
 *
 * @typedef {Omit<ClientOptions, 'token' | 'model' | 'session' | 'tools'>
 *   & import('@openai/agents-realtime').OpenAIRealtimeBaseOptions} TransportOptions
 */

const STATUS = /** @type {const} */ ({
  idle: 'disconnected',
  connecting: 'connecting',
  connected: 'connected',
  reconnecting: 'connecting',
  closed: 'disconnected',
});

/**
 * Return a transport class for `RealtimeSession`.
 *
 *     const AntiphonTransport = transportFor({ OpenAIRealtimeBase });
 *     const transport = new AntiphonTransport({ url: 'https://voice.example/v1' });
 *     const session = new RealtimeSession(agent, { transport, model: 'gpt-realtime' });
 *
 * @param {object} parts
 * @param {typeof import('@openai/agents-realtime').OpenAIRealtimeBase} parts.OpenAIRealtimeBase As the SDK exports it.
 * @param {typeof AntiphonClient} [parts.Client] What connects; another one in tests.
 */
export function transportFor({ OpenAIRealtimeBase, Client = AntiphonClient }) {
  return class AntiphonTransport extends OpenAIRealtimeBase {
    #options;
    #muted = false;
    #callId = '';
    /** @type {Set<string>} Those that the session knows. */
    #items = new Set();
    /** @type {'connected' | 'connecting' | 'disconnected'} */
    #status = 'disconnected';
    /** @type {AntiphonClient | null} */
    #client = null;
    /** @type {Promise<void> | null} */
    #connecting = null;
    #responses = new ResponseQueue((event) => this.#client?.send(event));

    /** @param {TransportOptions} [options] */
    constructor(options = {}) {
      super(options);
      this.#options = options;
    }

    /** The client underneath while there is a connection, or one is made: its state, levels and devices. */
    get client() {
      return this.#client;
    }

    get status() {
      return this.#status;
    }

    get muted() {
      return this.#muted;
    }

    /** What the app's own server finds the conversation by; told right behind the connection, and by Antiphon alone. */
    get callId() {
      return this.#callId;
    }

    /**
     * @override
     * @param {ConnectOptions} options
     * @returns {Promise<void>} Rejected with a ProblemError when no step of the ladder got through.
     */
    connect(options) {
      if (this.#connecting) return this.#connecting;
      const connecting = (this.#connecting = this.#connect(options));
      // What was thrown before there was a client is no state of one.
      connecting.catch(() => this.#connecting === connecting && this.#leave());
      return connecting;
    }

    /**
     * @override
     * @param {{ type: string, [field: string]: unknown }} event
     */
    sendEvent(event) {
      if (!this.#client) throw new Error('not connected; call connect() before sending events');
      if (event.type === 'response.create') this.#responses.ask(event);
      else this.#client.send(event);
    }

    /**
     * @override
     * @param {boolean} muted
     */
    mute(muted) {
      this.#muted = muted;
      if (this.#client) this.#client.muted = muted;
    }

    /** @override */
    interrupt() {
      this.#client?.interrupt();
    }

    /** @override */
    close() {
      const client = this.#client;
      this.#leave();
      client?.disconnect();
    }

    /** @param {ConnectOptions} options */
    async #connect(options) {
      if (options.model) this.currentModel = options.model;
      const client = new Client(this.#clientOptions(options));
      client.muted = this.#muted;
      client.addEventListener('event', (event) => {
        if (this.#client === client) this.#receive(/** @type {CustomEvent<RealtimeEvent>} */ (event).detail);
      });
      client.addEventListener('state', () => {
        if (this.#client === client) this.#follow(client.state);
      });
      this.#client = client;
      await client.connect();
      // As the SDK's own transports do: tracing is not among what buildSessionPayload gives.
      const { tracing = 'auto' } = options.initialSessionConfig ?? {};
      if (this.#client === client) this._updateTracingConfig(tracing);
    }

    /**
     * @param {ConnectOptions} options
     * @returns {ClientOptions}
     */
    #clientOptions(options) {
      /** @type {SessionConfig} */
      const session = this.buildSessionPayload(options.initialSessionConfig ?? {});
      const { url = this.#options.url } = options;
      // Servers without keys take any.
      const token = async () => (await this._getApiKey(options)) || 'none';
      return { ...this.#options, ...(url && { url }), token, model: this.currentModel, session };
    }

    /** @param {RealtimeEvent} event */
    #receive(event) {
      // The client plays it; a session that got it as well would play it twice.
      if (event.type === 'response.output_audio.delta') return this.#responses.hear(event);
      if (event.type === 'antiphon.session.resumable') this.#callId = String(event['call_id'] ?? '');
      if (event.type === 'session.created') this.#begin(event);
      if (event.type === 'conversation.item.added') this.#items.add(itemId(event));
      // The SDK passes over events without an id, as those that the client makes itself may be.
      // Whoever has the token is let into the conversation, so it goes to nobody.
      const told = { event_id: '', ...event, token: undefined };
      this._onMessage(new MessageEvent('message', { data: JSON.stringify(told) }));
      this.#responses.hear(event);
      if (event.type === 'output_audio_buffer.cleared') this.emit('audio_interrupted');
    }

    /**
     * A conversation that was lost is told to a new session by the client: its items come again, under other ids.
     *
     * @param {RealtimeEvent} created
     */
    #begin(created) {
      this._tracingConfig = tracingOf(created);
      for (const itemId of this.#items) this.emit('item_deleted', { itemId });
      this.#items.clear();
    }

    /** @param {ClientState} state */
    #follow(state) {
      const status = STATUS[state.type];
      this.#responses.follow(state.type);
      if (status === 'disconnected') this.#leave();
      else if (status !== this.#status) this.#tell(status);
      if (state.type === 'closed' && state.problem) {
        this._onError(new ProblemError(state.problem.code, state.problem.detail));
      }
    }

    #leave() {
      this.#client = this.#connecting = null;
      this.#callId = '';
      this.#items.clear();
      this.#responses.clear();
      if (this.#status !== 'disconnected') this.#tell('disconnected');
    }

    /** @param {'connected' | 'connecting' | 'disconnected'} status */
    #tell(status) {
      this.#status = status;
      this.emit('connection_change', status);
      if (status === 'connected') this._onOpen();
      if (status === 'disconnected') this._onClose();
    }
  };
}

/** @param {RealtimeEvent} created */
function tracingOf({ session }) {
  return /** @type {{ tracing?: Tracing | null }} */ (session).tracing ?? null;
}

/** @param {RealtimeEvent} added */
const itemId = ({ item }) => /** @type {{ id: string }} */ (item).id;

/**
 * Asks for one response at a time: a tool is often done before the response that called it, and the API refuses a second one. While there is
 * no connection, nothing is asked; what was asked then and may have been lost is asked again.
 */
export class ResponseQueue {
  #send;
  #isConnected = true;
  /** Events that were missed, and are still to come. */
  #missed = 0;
  #free = true;
  #count = 0;
  /** @type {RealtimeEvent | null} What was asked for last, until a response is there. */
  #asked = null;
  #isLost = false;
  /** @type {RealtimeEvent[]} */
  #waiting = [];

  /** @param {(event: RealtimeEvent) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {RealtimeEvent} request A `response.create`. */
  ask(request) {
    const last = this.#waiting.at(-1);
    // The results of several tools want one answer, not one each.
    if (last && !last['response'] && !request['response']) return;
    this.#waiting.push(request);
    this.#next();
  }

  /** @param {ClientState['type']} state */
  follow(state) {
    this.#isConnected = state === 'connected';
    if (state === 'reconnecting') this.#missed = Infinity; // until it is told
    this.#next();
  }

  /** @param {RealtimeEvent} event Each one from the server. */
  hear(event) {
    if (event.type === 'antiphon.session.resumed') this.#resume(event);
    else if (event.event_id) this.#missed -= 1; // the client's own have none
    if (event.type === 'session.created') this.#begin();
    if (event.type === 'response.created') this.#settle(false);
    if (event.type === 'response.done') this.#settle(true);
    if (event.type === 'error') this.#refuse(event);
    this.#next();
  }

  clear() {
    this.#begin();
    this.#waiting = [];
  }

  /** A new session has neither what was asked for, nor anything that was missed. */
  #begin() {
    this.#missed = 0;
    this.#settle(true);
  }

  /** @param {RealtimeEvent} event */
  #resume({ events, complete }) {
    // A server that does not know where this client stood tells again what was heard: that is not counted here.
    this.#missed = complete ? Number(events) : 0;
    this.#isLost = this.#asked !== null;
    // The end of what ran may be among what is gone.
    this.#free ||= !complete;
  }

  /** @param {boolean} free Whether the next one may be asked for. */
  #settle(free) {
    this.#free = free;
    this.#asked = null;
    this.#isLost = false;
  }

  /** @param {RealtimeEvent} event */
  #refuse({ error }) {
    const { event_id: refused, code } = /** @type {{ event_id?: unknown, code?: unknown }} */ (error ?? {});
    const asked = this.#asked;
    if (!asked || refused !== asked.event_id) return;
    const isEarly = code === 'conversation_already_has_active_response';
    if (isEarly) this.#waiting.unshift(asked);
    this.#settle(!isEarly);
  }

  #next() {
    if (!this.#isConnected || this.#missed > 0) return;
    const request = this.#isLost ? this.#asked : this.#free ? this.#waiting.shift() : null;
    if (!request) return;
    this.#free = this.#isLost = false;
    this.#asked = { ...request, event_id: request.event_id ?? `agents_response_${++this.#count}` };
    this.#send(this.#asked);
  }
}
