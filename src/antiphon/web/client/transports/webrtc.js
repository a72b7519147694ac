// Calls over WebRTC: docs/webrtc.md. Audio is media; events go over a data channel.

import { eventIn, notice } from '../events.js';
import { ProblemError } from '../problems.js';
import { Answers } from './answers.js';
import { Deferred, Stopper } from './browser.js';
import { LastWords, endProblem } from './refusals.js';
import { Api, SESSION_HEADER, conversationQuery } from './requests.js';

/** @typedef {import('./browser.js').Browser} Browser */
/** @typedef {import('../types.js').Connection} Connection */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */

const CHANNEL = 'oai-events';
const CALLS_PATH = '/realtime/calls';
const ICE_SERVERS_MS = 2_000;
const GONE_MS = 4_000; // browsers say `disconnected` after some seconds, and often come back
// Antiphon sends something every 400 ms at least, be it silence: without it the way is gone, or the server. Browsers take longer to say so.
const LOOK_MS = 500;
const SILENT_LOOKS = 6;
const MOST_UNSENT = 4_000_000; // bytes
const USUAL_MESSAGE = 262_144; // bytes
// A conversation that goes on elsewhere has its old call ended by the server; this is for when it does not.
const LEAVE_MS = 90_000;

/**
 * Fulfilled once events can go over the call.
 *
 * @param {ConnectRequest} request
 * @param {Browser} [browser]
 * @returns {Promise<Connection>}
 */
export async function connect(request, browser = globalThis) {
  request.signal.throwIfAborted();
  if (!browser.RTCPeerConnection) throw new ProblemError('webrtc_unsupported', 'the browser has no RTCPeerConnection');
  const call = new WebRtcCall(request, newPeer(browser), browser);
  await call.begin();
  return call;
}

/** @param {Browser} browser */
function newPeer(browser) {
  try {
    return new browser.RTCPeerConnection();
  } catch (error) {
    throw new ProblemError('webrtc_unsupported', `the browser makes no connection: ${error}`); // switched off
  }
}

/** @implements {Connection} */
class WebRtcCall {
  name = /** @type {const} */ ('webrtc');
  /** @type {string | null} */
  token;
  #request;
  #peer;
  #browser;
  #api;
  #channel;
  /** @type {RTCRtpSender | null} */
  #sender = null;
  #callId = '';
  #state = /** @type {'opening' | 'open' | 'over'} */ ('opening');
  #opened = /** @type {Deferred<void>} */ (new Deferred());
  #words = new LastWords();
  #answers;
  #tell;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #gone = undefined;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #look = undefined;
  #arrived = 0; // packets at the last look
  #silentLooks = 0;

  /**
   * @param {ConnectRequest} request
   * @param {RTCPeerConnection} peer
   * @param {Browser} browser
   */
  constructor(request, peer, browser) {
    this.#request = request;
    this.#peer = peer;
    this.#browser = browser;
    this.token = request.resume?.token ?? null;
    this.#api = new Api(request, browser);
    this.#answers = Answers.of(request.loudspeaker);
    this.#tell = (/** @type {RealtimeEvent} */ event) => request.onEvent(event);
    this.#channel = peer.createDataChannel(CHANNEL);
    this.#listen();
    this.#addAudio();
  }

  // --- beginning --------------------------------------------------------------------------------------------------

  /** @throws {ProblemError} */
  async begin() {
    const { signal } = this.#request;
    const abort = () => this.#opened.reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      await Promise.race([this.#negotiate(), this.#opened.promise]); // the latter only when it fails
      await this.#opened.promise;
      signal.throwIfAborted();
    } catch (error) {
      const failure = this.#failure(error);
      this.#drop();
      throw failure;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #negotiate() {
    const { signal } = this.#request;
    const [offer] = await Promise.all([this.#peer.createOffer(), this.#askForIceServers()]);
    await this.#peer.setLocalDescription(offer);
    // Without waiting for candidates: the server is at a known address, and learns ours from what we send.
    const body = this.#peer.localDescription?.sdp ?? offer.sdp ?? '';
    const headers = { 'Content-Type': 'application/sdp' };
    const query = conversationQuery(this.#request);
    const response = await this.#api.ask(CALLS_PATH, { method: 'POST', query, headers, body, signal });
    this.#callId = response.headers.get('Location')?.split('/').pop() ?? '';
    this.token = response.headers.get(SESSION_HEADER) ?? this.token;
    const sdp = await response.text();
    signal.throwIfAborted();
    await this.#peer.setRemoteDescription({ type: 'answer', sdp });
  }

  /** For networks that let no UDP out. Without them most calls come about all the same. */
  async #askForIceServers() {
    if (this.#request.server.kind !== 'antiphon') return;
    const stopper = new Stopper(this.#request.signal);
    const timer = this.#browser.setTimeout(() => stopper.abort(), ICE_SERVERS_MS);
    try {
      const response = await this.#api.send('/realtime/ice_servers', { signal: stopper.signal });
      const { iceServers } = response.ok ? await response.json() : { iceServers: [] };
      if (iceServers?.length) this.#peer.setConfiguration({ iceServers });
    } catch {
      // The offer will show what is the matter, if it matters.
    } finally {
      this.#browser.clearTimeout(timer);
      stopper.release();
    }
  }

  #addAudio() {
    const { microphone } = this.#request;
    if (microphone === null) {
      this.#peer.addTransceiver('audio', { direction: 'recvonly' });
      return;
    }
    this.#sender = this.#peer.addTrack(microphone.track, microphone.stream);
    microphone.addEventListener('trackchange', this.#trackChanged);
  }

  /** @param {unknown} error */
  #failure(error) {
    const { signal } = this.#request;
    const answered = this.#peer.remoteDescription !== null && this.#peer.signalingState !== 'closed';
    const timedOut = signal.aborted && (signal.reason?.code === 'timed_out' || signal.reason?.name === 'TimeoutError');
    if (answered && timedOut) {
      const { iceConnectionState: ice, connectionState } = this.#peer;
      const state = `ICE is ${ice}, the connection ${connectionState}, the data channel ${this.#channel.readyState}`;
      return new ProblemError('webrtc_blocked', `the server answered, but no way to it was found in time: ${state}`);
    }
    if (signal.aborted) return signal.reason;
    return error instanceof ProblemError ? error : new ProblemError('webrtc_unsupported', `${error}`);
  }

  /** Leaves nothing behind of a call that did not come about. */
  #drop() {
    const wasAnswered = this.#callId !== '';
    this.#finish();
    this.#leave(this.#request.resume !== null && this.#peer.connectionState === 'connected');
    // It would keep its place at the server until it is given up there.
    if (wasAnswered && this.#request.resume === null)
      this.#api.tell(`${CALLS_PATH}/${this.#callId}`, { method: 'DELETE' });
  }

  // --- events -----------------------------------------------------------------------------------------------------

  #listen() {
    this.#channel.onopen = () => this.#begun();
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#channel.onclose = () => this.#channelClosed();
    this.#peer.ontrack = (event) => this.#play(event);
    this.#peer.onconnectionstatechange = () => this.#stateChanged();
  }

  #begun() {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    // What was sent meanwhile is sent again, to who can come back.
    if (this.token !== null && this.#request.server.kind === 'antiphon') this.#watch();
    this.#answers.played?.tellTo(this.#tell);
    this.#opened.resolve();
  }

  /** @param {unknown} data */
  #receive(data) {
    if (this.#state === 'over') return;
    const event = eventIn(data);
    if (event === null) return;
    this.#words.note(event);
    this.#answers.note(event);
    this.#tell(event);
    if (event.type === 'input_audio_buffer.speech_started' && this.#answers.interrupts) this.#silence();
    if (event.type === 'antiphon.media.missing' && this.#shouldBeHeard()) {
      this.#lose(new ProblemError('webrtc_silent', `no audio of ours has reached the server for ${event.seconds} s`));
    }
  }

  /** What came over a step below may be playing still: that the server knows nothing of. */
  #silence() {
    const { played } = this.#answers;
    if (played === null) return;
    const cleared = played.cut();
    if (cleared !== null) this.#tell(cleared);
    for (const text of played.truncations()) this.#sendText(text);
  }

  #shouldBeHeard() {
    const { microphone } = this.#request;
    // One that the page muted sends silence, which is audio; one that the system muted sends nothing.
    return microphone !== null && microphone.track.readyState === 'live' && !microphone.track.muted;
  }

  /** @param {RealtimeEvent} event */
  send(event) {
    if (this.#state !== 'open') return;
    const text = JSON.stringify(event);
    const most = this.#peer.sctp?.maxMessageSize || USUAL_MESSAGE;
    if (text.length > most || new TextEncoder().encode(text).length > most) return this.#tooLarge(event, most);
    this.#sendText(text);
    if (event.type === 'output_audio_buffer.clear' || event.type === 'response.cancel') this.#silence();
  }

  /** @param {string} text */
  #sendText(text) {
    if (this.#channel.bufferedAmount > MOST_UNSENT) {
      return this.#lose(new ProblemError('connection_lost', `${MOST_UNSENT} bytes wait to be sent`));
    }
    try {
      this.#channel.send(text);
    } catch {
      // It is closing, and says so.
    }
  }

  /**
   * @param {RealtimeEvent} event
   * @param {number} most
   */
  #tooLarge({ type, event_id }, most) {
    const message = `${type} was not sent: over WebRTC an event has ${most} bytes at most`;
    const error = {
      type: 'invalid_request_error',
      code: 'message_too_large',
      message,
      param: null,
      event_id: event_id ?? null,
    };
    this.#request.onEvent({ type: 'error', error });
  }

  // --- media ------------------------------------------------------------------------------------------------------

  /** @param {RTCTrackEvent} event */
  #play({ streams, track }) {
    if (this.#state === 'over' || !this.#request.speaks) return;
    this.#request.loudspeaker.play(streams[0] ?? new this.#browser.MediaStream([track]));
  }

  #trackChanged = () => {
    this.#sender?.replaceTrack(this.#request.microphone?.track ?? null).catch((error) => {
      if (this.#state === 'over') return;
      this.#request.onEvent(
        notice({ code: 'microphone_failed', detail: `the call does not take its track: ${error}` }),
      );
    });
  };

  // --- life and end -----------------------------------------------------------------------------------------------

  #stateChanged() {
    const { connectionState } = this.#peer;
    this.#browser.clearTimeout(this.#gone);
    if (connectionState === 'failed' || connectionState === 'closed') this.#broken(`the connection ${connectionState}`);
    if (connectionState !== 'disconnected') return;
    const what = `nothing came over the connection for ${GONE_MS / 1000} s and more`;
    this.#gone = this.#browser.setTimeout(() => this.#broken(what), GONE_MS);
  }

  #watch() {
    this.#look = this.#browser.setTimeout(() => {
      this.#watch();
      void packetsFrom(this.#peer).then((packets) => this.#count(packets));
    }, LOOK_MS);
  }

  /** @param {number} packets */
  #count(packets) {
    this.#silentLooks = packets > 0 && packets === this.#arrived ? this.#silentLooks + 1 : 0;
    this.#arrived = packets;
    if (this.#state !== 'open' || this.#silentLooks < SILENT_LOOKS) return;
    this.#broken(`nothing came over the connection for ${(SILENT_LOOKS * LOOK_MS) / 1000} s`);
  }

  /** @param {string} what */
  #broken(what) {
    if (this.#state === 'open') return this.#lose(new ProblemError('connection_lost', what));
    this.#opened.reject(new ProblemError('webrtc_blocked', `the server answered, but no way to it was found: ${what}`));
  }

  #channelClosed() {
    const { error, moved } = this.#words;
    // Antiphon may be restarting: whether there is something to come back to, coming back will show.
    const final = this.#request.server.kind === 'openai';
    const problem = endProblem({ what: 'the server closed the data channel', error, moved, final });
    if (this.#state === 'open') this.#lose(problem);
    else this.#opened.reject(new ProblemError('webrtc_blocked', problem.detail));
  }

  /** @param {ProblemError} problem */
  #lose(problem) {
    if (this.#state === 'over') return;
    this.#finish();
    this.#leave(true);
    this.#request.onLost(problem.problem);
  }

  /** @param {boolean} keep */
  close(keep) {
    if (this.#state === 'over') return;
    this.#finish();
    this.#leave(keep);
    if (keep) return;
    this.#answers.forget();
    this.#request.loudspeaker.stop();
  }

  /** From here on it is neither heard, nor does it hear. */
  #finish() {
    this.#state = 'over';
    this.#answers.played?.leave(this.#tell);
    this.#browser.clearTimeout(this.#gone);
    this.#browser.clearTimeout(this.#look);
    this.#request.microphone?.removeEventListener('trackchange', this.#trackChanged);
    this.#channel.onopen = this.#channel.onmessage = this.#channel.onclose = null;
    this.#peer.ontrack = this.#peer.onconnectionstatechange = null;
  }

  /**
   * To the server `close()` ends the conversation. So one that is to go on is kept, deaf and dumb, until the server
   * ends the call because the conversation goes on elsewhere.
   *
   * @param {boolean} keep
   */
  #leave(keep) {
    const peer = this.#peer;
    if (!keep || this.token === null || hasEnded(peer)) return peer.close();
    for (const { track } of peer.getReceivers()) track.enabled = false;
    this.#sender?.replaceTrack(null).catch(() => {});
    const timer = this.#browser.setTimeout(() => peer.close(), LEAVE_MS);
    const end = () => {
      this.#browser.clearTimeout(timer);
      peer.close();
    };
    this.#channel.onclose = end;
    peer.onconnectionstatechange = () => hasEnded(peer) && end();
  }
}

/** @param {RTCPeerConnection} peer */
function hasEnded({ connectionState }) {
  return connectionState === 'failed' || connectionState === 'closed';
}

/**
 * @param {RTCPeerConnection} peer
 * @returns {Promise<number>} How many packets of audio have come; 0 where that is not known.
 */
async function packetsFrom(peer) {
  let packets = 0;
  const report = await peer.getStats().catch(() => []);
  report.forEach((/** @type {any} */ stats) => {
    if (stats.type === 'inbound-rtp') packets += stats.packetsReceived ?? 0;
  });
  return packets;
}
