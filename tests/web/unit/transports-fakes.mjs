// A browser to hand to the transports: its clock stands until a test moves it, its network says what a test says.

/** Lets everything happen that needs no time. */
export async function settled() {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeBrowser {
  now = 0;
  timers = new Map();
  asked = [];
  answer = () => {
    throw new TypeError('Failed to fetch');
  };
  navigator = { onLine: true };
  location = { origin: 'https://page.example' };
  performance = { now: () => this.now };
  sockets = [];
  peers = [];
  #last = 0;

  constructor() {
    const browser = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        super(url, protocols);
        browser.sockets.push(this);
      }
    };
    this.RTCPeerConnection = class extends FakePeer {
      constructor() {
        super();
        browser.peers.push(this);
      }
    };
    this.MediaStream = class {
      constructor(tracks) {
        this.tracks = tracks;
      }
    };
  }

  setTimeout = (call, milliseconds) => {
    this.timers.set(++this.#last, { call, at: this.now + milliseconds });
    return this.#last;
  };

  clearTimeout = (id) => {
    this.timers.delete(id);
  };

  /** Moves the clock, stopping at each timer. */
  async pass(milliseconds) {
    const end = this.now + milliseconds;
    await settled();
    for (;;) {
      const next = [...this.timers].filter(([, { at }]) => at <= end).sort(([, one], [, two]) => one.at - two.at)[0];
      if (!next) break;
      this.timers.delete(next[0]);
      this.now = next[1].at;
      next[1].call();
      await settled();
    }
    this.now = end;
    await settled();
  }

  fetch = async (url, options) => {
    const { signal } = options;
    signal?.throwIfAborted();
    const asked = { url: new URL(url), ...options };
    this.asked.push(asked);
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      Promise.resolve()
        .then(() => this.answer(asked))
        .then(resolve, reject);
    });
  };

  requests(method) {
    return this.asked.filter((each) => each.method === method);
  }
}

export class FakeSocket {
  sent = [];
  bufferedAmount = 0;
  closedWith = null;

  constructor(url, protocols) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.closedWith = code ?? 1005;
  }

  open() {
    this.onopen?.({});
  }

  tell(...events) {
    for (const event of events) this.onmessage?.({ data: JSON.stringify(event) });
  }

  end(code, reason = '') {
    this.onclose?.({ code, reason });
  }
}

export class FakeChannel extends FakeSocket {
  readyState = 'connecting';

  open() {
    this.readyState = 'open';
    this.onopen?.({});
  }
}

export class FakePeer {
  connectionState = 'new';
  iceConnectionState = 'new';
  signalingState = 'stable';
  remoteDescription = null;
  localDescription = null;
  configuration = null;
  isClosed = false;
  sctp = { maxMessageSize: 1_000 };
  transceivers = [];
  senders = [];
  receivers = [{ track: { enabled: true } }];
  packetsReceived = 0;

  async getStats() {
    const { packetsReceived } = this;
    return new Map([
      ['audio', { type: 'inbound-rtp', packetsReceived }],
      ['way', { type: 'candidate-pair' }],
    ]);
  }

  createDataChannel(label) {
    this.channel = new FakeChannel('ws://channel', label);
    return this.channel;
  }

  addTransceiver(kind, { direction }) {
    this.transceivers.push(`${kind} ${direction}`);
  }

  addTrack(track) {
    const sender = { track, replaceTrack: async (next) => void (sender.track = next) };
    this.senders.push(sender);
    return sender;
  }

  getReceivers() {
    return this.receivers;
  }

  async createOffer() {
    return { type: 'offer', sdp: 'the offer' };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
  }

  async setRemoteDescription(description) {
    this.remoteDescription = description;
  }

  setConfiguration(configuration) {
    this.configuration = configuration;
  }

  becomes(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close() {
    this.isClosed = true;
  }
}

export class FakeMicrophone extends EventTarget {
  track = { readyState: 'live', muted: false };
  stream = {};
  muted = false;
  chunk = null;
  isStopped = false;

  async capture(onPcm, { ms }) {
    [this.chunk, this.ms] = [onPcm, ms];
    return () => (this.isStopped = true);
  }
}

/** Plays only when a test says so. */
export class FakeQueue extends EventTarget {
  parts = [];
  ended = [];
  clears = 0;
  heard = null;

  append(part, pcm) {
    this.parts.push({ ...part, samples: [...pcm] });
  }

  end(responseId) {
    this.ended.push(responseId);
  }

  clear() {
    this.clears++;
    return this.heard;
  }

  tell(type, responseId) {
    this.dispatchEvent(Object.assign(new Event(type), { detail: { responseId } }));
  }
}

export class FakeLoudspeaker {
  played = [];
  stops = 0;
  #queue = new FakeQueue();

  queue() {
    return this.#queue;
  }

  play(stream) {
    this.played.push(stream);
  }

  stop() {
    this.stops++;
  }
}

/** What a client would hand to a step, and what it would see of it. */
export class Caller {
  events = [];
  lost = [];
  loudspeaker = new FakeLoudspeaker();
  #controller = new AbortController();

  request(given = {}) {
    return {
      server: { url: 'https://voice.example/v1', kind: 'antiphon' },
      key: 'ek_1',
      model: 'gpt-realtime',
      resume: null,
      microphone: null,
      loudspeaker: this.loudspeaker,
      speaks: true,
      signal: this.#controller.signal,
      onEvent: (event) => this.events.push(event),
      onLost: (problem) => this.lost.push(problem),
      ...given,
    };
  }

  abort(reason) {
    this.#controller.abort(reason);
  }

  get types() {
    return this.events.map(({ type }) => type);
  }
}

export const CREATED = { type: 'session.created', event_id: 'event_1', session: { type: 'realtime' } };
export const RESUMABLE = { type: 'antiphon.session.resumable', event_id: 'event_2', token: 'TOKEN' };

/** @param {number[]} samples */
export function base64Of(samples) {
  return Buffer.from(new Int16Array(samples).buffer).toString('base64');
}

/** A `response.output_audio.delta` of so many samples. */
export function delta(eventId, samples, { response = 'resp_1', item = 'item_1' } = {}) {
  const ids = { event_id: eventId, response_id: response, item_id: item, output_index: 0, content_index: 0 };
  return { type: 'response.output_audio.delta', ...ids, delta: base64Of(Array(samples).fill(7)) };
}

export function created(response = 'resp_1', conversation = 'conv_1') {
  return { type: 'response.created', response: { id: response, conversation_id: conversation } };
}

export function done(response = 'resp_1', status = 'completed') {
  return { type: 'response.done', response: { id: response, status } };
}

/** An answer over HTTP whose body a test writes. */
export class FakeStream {
  #controller;
  #encoder = new TextEncoder();

  constructor(signal, headers = { 'Antiphon-Session': 'TOKEN' }) {
    const body = new ReadableStream({ start: (controller) => (this.#controller = controller) });
    signal.addEventListener('abort', () => this.#fail(signal.reason));
    this.response = new Response(body, { headers });
  }

  #fail(reason) {
    try {
      this.#controller.error(reason);
    } catch {
      // It had ended.
    }
  }

  write(text) {
    this.#controller.enqueue(this.#encoder.encode(text));
  }

  tell(...events) {
    for (const event of events) this.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  end() {
    this.#controller.close();
  }
}

export function refusal(status, code, message = 'no', headers = {}) {
  return new Response(JSON.stringify({ error: { code, message } }), { status, headers });
}
