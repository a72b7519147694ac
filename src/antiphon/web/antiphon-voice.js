// Defines <antiphon-voice>: load this module in a page, and put the element where the conversation is to be.
import { AntiphonVoice } from './element/voice-element.js';

export { AntiphonVoice };

if (globalThis.customElements && !customElements.get('antiphon-voice')) {
  customElements.define('antiphon-voice', AntiphonVoice);
}
