// What a client is tested with: transports that do as they are told, a microphone, a loudspeaker, a clock.
import { AntiphonClient } from '../../../src/antiphon/web/client/client.js';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { VirtualClock, settle } from './virtual-clock.mjs';

const NAMES = ['webrtc', 'websocket', 'http', 'text'];

class FakeMicrophone extends EventTarget {
  muted = false;
  closed = false;
  constructor(deviceId) {
    super();
    this.deviceId = deviceId;
    this.label = `device ${deviceId}`;
  }
  level = () => 0.5;
  use = async ({ deviceId }) => {
    this.deviceId = deviceId;
    this.label = `device ${deviceId}`;
    this.dispatchEvent(new Event('trackchange'));
  };
  close = () => (this.closed = true);
}

class FakeLoudspeaker extends EventTarget {
  closed = false;
  unlocked = false;
  deviceId = '';
  unlock = async () => void (this.unlocked = true);
  use = async (deviceId) => void (this.deviceId = deviceId);
  level = () => 0.25;
  close = () => (this.closed = true);
}

/** One connection as the client has it, from the server's side. */
class FakeConnection {
  token = null;
  sent = [];
  closed = null;
  constructor(name, request) {
    this.name = name;
    this.request = request;
  }
  send = (event) => this.sent.push(event);
  close = (keep) => (this.closed = keep ? 'kept' : 'ended');
  /** Tells the client events; those without an id get one. */
  tell = (...events) => {
    for (const event of events) this.request.onEvent({ event_id: `event_${(FakeConnection.events += 1)}`, ...event });
  };
  lose = (code, detail = '') => this.request.onLost({ code, detail });
  types = () => this.sent.map(({ type }) => type);
  static events = 0;
}

/** A client in a house where everything is known. */
export class House {
  clock = new VirtualClock();
  /** What each transport does next: a code it fails with, 'hang', or nothing to connect. */
  plans = { webrtc: [], websocket: [], http: [], text: [] };
  /** Steps whose code was asked for. */
  loaded = [];
  requests = [];
  connections = [];
  microphones = [];
  loudspeakers = [];
  microphoneProblem = null;
  seen = { state: [], problem: [], history: [], tool: [], microphone: [], session: [], turn: [] };
  around = {
    window: new EventTarget(),
    document: Object.assign(new EventTarget(), { visibilityState: 'visible' }),
    navigator: { onLine: true },
  };

  constructor(options = {}) {
    const connect = Object.fromEntries(NAMES.map((name) => [name, (request) => this.#connect(name, request)]));
    this.parts = {
      connect,
      loadSteps: async (names) => void this.loaded.push(names),
      clock: this.clock,
      around: this.around,
      openMicrophone: async ({ deviceId = 'default' }) => this.#openMicrophone(deviceId),
      newLoudspeaker: () => this.#newLoudspeaker(),
    };
    this.client = new AntiphonClient({ url: 'https://voice.example/v1', ...options }, this.parts);
    for (const type of Object.keys(this.seen)) {
      this.client.addEventListener(type, ({ detail }) => this.seen[type].push(detail ?? this.client[type]));
    }
  }

  /** The newest connection. */
  get line() {
    return this.connections.at(-1);
  }

  get problems() {
    return this.seen.problem.map(({ code }) => code);
  }

  /** Connects, and has a session that can be come back to. */
  async connected({ token = 'secret', session = {} } = {}) {
    await this.client.connect();
    this.greet(token, session);
    await settle();
    return this.line;
  }

  /** The server tells of a new session. */
  greet(token = 'secret', session = {}) {
    this.line.tell({ type: 'session.created', session: { type: 'realtime', ...session } });
    if (token) this.line.tell({ type: 'antiphon.session.resumable', token, resume_seconds: 60, call_id: 'rtc_1' });
  }

  /** The server tells that nothing was missed but these events. */
  resumed(...events) {
    this.line.tell({ type: 'antiphon.session.resumed', events: events.length, complete: true }, ...events);
  }

  async #connect(name, request) {
    this.requests.push({ name, ...request });
    const plan = this.plans[name].shift();
    if (plan === 'hang')
      await new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)));
    if (plan) throw new ProblemError(plan);
    const connection = new FakeConnection(name, request);
    this.connections.push(connection);
    return connection;
  }

  #openMicrophone(deviceId) {
    if (this.microphoneProblem) throw new ProblemError(this.microphoneProblem);
    this.microphones.push(new FakeMicrophone(deviceId));
    return this.microphones.at(-1);
  }

  #newLoudspeaker() {
    this.loudspeakers.push(new FakeLoudspeaker());
    return this.loudspeakers.at(-1);
  }
}
