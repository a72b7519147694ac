// Taking turns by hand: the microphone is open while a key or a button is held.

/** @typedef {import('./conversation.js').Conversation} Conversation */

/** Where the session detects no turns, what was said while it was held becomes a turn. */
export class PushToTalk {
  #conversation;
  #changed;
  #held = false;

  /**
   * @param {Conversation} conversation
   * @param {(held: boolean) => void} changed
   */
  constructor(conversation, changed) {
    this.#conversation = conversation;
    this.#changed = changed;
    for (const type of ['session', 'state', 'microphone']) conversation.addEventListener(type, () => this.#follow());
  }

  // Nothing is to be heard between the turns.
  #follow() {
    const { byHand, microphone } = this.#conversation;
    if (byHand && !this.#held && microphone.type === 'on' && !microphone.muted) this.#conversation.mute(true);
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
    this.#conversation.mute(false);
  }

  #end() {
    this.#conversation.mute(true);
    if (!this.#conversation.byHand) return;
    this.#conversation.send({ type: 'input_audio_buffer.commit' });
    this.#conversation.send({ type: 'response.create' });
  }
}
