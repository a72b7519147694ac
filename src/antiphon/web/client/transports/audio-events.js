// Audio in events, for transports that carry no media. Everything above sees what a WebRTC server would show: playing
// begins and ends with `output_audio_buffer.*` events, and who is interrupted is cut to what was heard.
// Events made here have no `event_id`: they are none of the server's, so nobody can come back to one.

import { openCapture } from '../audio/capture.js';
import { notice } from '../events.js';
import { ProblemError } from '../problems.js';
import { Answers } from './answers.js';
import { decodeBase64, encodePcm } from './base64.js';
import { PlayedAnswers } from './played-answers.js';

/** @typedef {import('../types.js').RealtimeEvent} RealtimeEvent */
/** @typedef {import('../types.js').ConnectRequest} ConnectRequest */
/** @typedef {import('../types.js').SessionConfig} SessionConfig */

const APPEND = '{"type":"input_audio_buffer.append","audio":"';

/** Between a connection that carries events alone, and what listens to it. */
export class AudioEvents {
  #request;
  #ms;
  #sendText;
  #answers;
  #played;
  #replayed = 0;
  #ended = false;
  #tell;
  /** @type {(() => void) | null} */
  #stopCapture = null;

  /**
   * @param {ConnectRequest} request
   * @param {number} ms Of microphone audio in each event.
   * @param {(text: string) => void} sendText Takes a client event as JSON.
   */
  constructor(request, ms, sendText) {
    this.#request = request;
    this.#ms = ms;
    this.#sendText = sendText;
    this.#answers = Answers.of(request.loudspeaker);
    this.#played = PlayedAnswers.of(request.loudspeaker);
    this.#tell = (/** @type {RealtimeEvent} */ event) => request.onEvent(event);
  }

  /** The conversation goes over this connection from now on. */
  begin() {
    if (this.#request.speaks) this.#played.open();
    this.#played.tellTo(this.#tell);
    this.#capture();
  }

  /**
   * No more comes or goes. What has come already is played on, unless the conversation is over.
   *
   * @param {boolean} keep
   */
  end(keep) {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopCapture?.();
    this.#played.leave(this.#tell);
    if (!keep) this.#answers.forget();
  }

  // --- the user's audio -------------------------------------------------------------------------------------------

  async #capture() {
    try {
      const stop = await this.#request.microphone?.capture((pcm) => this.#append(pcm), {
        ms: this.#ms,
        open: openCapture,
      });
      if (this.#ended) stop?.();
      else this.#stopCapture = stop ?? null;
    } catch (error) {
      if (this.#ended) return;
      const failure = error instanceof ProblemError ? error : new ProblemError('microphone_failed', `${error}`);
      this.#request.onEvent(notice(failure.problem));
    }
  }

  /** @param {Int16Array} pcm */
  #append(pcm) {
    if (!this.#ended) this.#sendText(`${APPEND}${encodePcm(pcm)}"}`);
  }

  // --- client events ----------------------------------------------------------------------------------------------

  /** @param {RealtimeEvent} event */
  send(event) {
    const { type, response_id: only } = event;
    if (type !== 'output_audio_buffer.clear') this.#sendText(JSON.stringify(event));
    if (type === 'response.cancel') this.#silence(only ? { only: String(only) } : { unbegun: true });
    else if (type === 'output_audio_buffer.clear') this.#silence({});
  }

  /** @param {{ unbegun?: boolean, only?: string }} wanted */
  #silence(wanted) {
    const cleared = this.#played.cut(wanted);
    if (cleared !== null) this.#tell(cleared);
    this.#tellCuts();
  }

  // --- server events ----------------------------------------------------------------------------------------------

  /** @param {RealtimeEvent} event */
  receive(event) {
    this.#answers.note(event);
    if (event.type === 'response.output_audio.delta') this.#hear(event);
    else if (event.type === 'input_audio_buffer.speech_started') this.#interrupt(event);
    else this.#giveOn(event);
    this.#countReplayed(event);
  }

  /** @param {RealtimeEvent} event */
  #hear(event) {
    const bytes = decodeBase64(String(event['delta'] ?? ''));
    if (this.#request.speaks) this.#played.play(event, bytes);
    this.#request.onEvent({ ...event, delta: '', audio_bytes: bytes.length });
  }

  /** @param {RealtimeEvent} event */
  #interrupt(event) {
    // Silence first: whoever listens may take a while.
    const cleared = this.#answers.interrupts ? this.#played.cut({ unbegun: true }) : null;
    this.#tell(event);
    if (cleared !== null) this.#tell(cleared);
    this.#tellCuts();
  }

  /** @param {RealtimeEvent} given */
  #giveOn(given) {
    const event = /** @type {import('../events.js').ServerEvent} */ (given);
    if (event.type === 'session.created') this.#wantPcm(event.session);
    this.#request.onEvent(given);
    if (event.type === 'response.output_item.done') this.#tellCuts(event.item?.id);
    if (event.type !== 'response.done') return;
    this.#played.endDone();
    this.#tellCuts();
  }

  /**
   * An answer whose end was told before the connection broke may come now, and its end is not told again.
   *
   * @param {RealtimeEvent} event
   */
  #countReplayed(event) {
    if (event.type === 'antiphon.session.resumed') this.#replayed = Number(event.events) || 0;
    else if (this.#replayed > 0 && --this.#replayed === 0) this.#played.endDone();
  }

  /** @param {string} [itemId] */
  #tellCuts(itemId) {
    for (const text of this.#played.truncations(itemId)) this.#sendText(text);
  }

  /**
   * An agent made for telephones may have another format, which is not for here.
   *
   * @param {SessionConfig} session
   */
  #wantPcm(session) {
    const audio = /** @type {Record<string, object>} */ ({});
    const had = /** @type {Record<string, { format?: { type?: string } } | undefined>} */ (session?.audio ?? {});
    for (const side of ['input', 'output']) {
      const type = had[side]?.format?.type;
      if (type && type !== 'audio/pcm') audio[side] = { format: { type: 'audio/pcm', rate: 24_000 } };
    }
    if (Object.keys(audio).length === 0) return;
    this.#sendText(JSON.stringify({ type: 'session.update', session: { type: session['type'] ?? 'realtime', audio } }));
  }
}
