// Defines <antiphon-voice>: load this module in a page, and put the element where the conversation is to be.
// Below stands each module that it is made of: browsers load what is named here side by side, and not one behind the other.
import './client/clock.js';
import './client/problems.js';
import './client/server.js';
import './client/token.js';
import './element/announcements.js';
import './element/captions.js';
import './element/composer.js';
import './element/controls.js';
import './element/dom.js';
import './element/look.js';
import './element/meter.js';
import './element/options.js';
import './element/panel.js';
import './element/problem-panel.js';
import './element/styles.js';
import './texts/index.js';
import { AntiphonVoice } from './element/voice-element.js';

export { AntiphonVoice };

if (globalThis.customElements && !customElements.get('antiphon-voice')) {
  customElements.define('antiphon-voice', AntiphonVoice);
}
