// Taking turns by hand: the microphone is open while a key or a button is held.

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** Where the session detects no turns, what was said while it was held becomes a turn. */
export class PushToTalk {
  #conversation;
  #changed;
  #held = false;
  /** Whether it was muted here, and is to be opened again when turns are detected. */
  #muted = false;

  /**
   * @param {Conversation} conversation
   * @param {(held: boolean) => void} changed
   */
  constructor(conversation, changed) {
    this.#conversation = conversation;
    this.#changed = changed;
    for (const type of ['session', 'state', 'microphone']) conversation.addEventListener(type, () => this.#follow());
    conversation.addEventListener('begun', () => (this.#muted = false));
  }

  // Nothing is to be heard between the turns, and all where the session finds them by itself.
  #follow() {
    const { byHand, microphone } = this.#conversation;
    if (byHand && !this.#held && microphone.type === 'on' && !microphone.muted) this.#mute(true);
    else if (this.#listens && this.#muted) this.#mute(false);
  }

  /** Whether the session detects turns: while there is no connection, nobody knows. */
  get #listens() {
    return this.#conversation.carriesVoice && !this.#conversation.byHand;
  }

  /** @param {boolean} muted */
  #mute(muted) {
    this.#muted = muted;
    this.#conversation.mute(muted);
  }

  /** @param {boolean} held */
  hold(held) {
    if (held === this.#held || (held && !this.#ready)) return;
    this.#held = held;
    if (held) this.#begin();
    else this.#end();
    this.#changed(held);
  }

  get #ready() {
    return this.#conversation.byHand && this.#conversation.microphone.type === 'on';
  }

  #begin() {
    const { state } = this.#conversation;
    if (state.type === 'connected' && state.activity !== 'listening') this.#conversation.interrupt();
    this.#conversation.send({ type: 'input_audio_buffer.clear' });
    this.#mute(false);
  }

  #end() {
    if (this.#listens) return;
    this.#mute(true);
    if (!this.#conversation.byHand) return;
    this.#conversation.send({ type: 'input_audio_buffer.commit' });
    this.#conversation.send({ type: 'response.create' });
  }
}
