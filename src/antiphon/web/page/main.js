// Begins the talk page: asks the server how it wants to be talked to, and shows the page.

import { AntiphonClient, tokenFrom } from '../antiphon.js';
import { ProblemError } from '../client/problems.js';
import { serverAt } from '../client/server.js';
import { createApp } from './app.js';
import { element, fill } from './dom.js';
import { icon } from './icons.js';
import { PageKeys, loadSettings } from './keys.js';
import { browserStore, Preferences } from './preferences.js';
import { loadWords } from './texts/index.js';

const root = /** @type {HTMLElement} */ (document.getElementById('app'));

/**
 * @param {import('./keys.js').ServerSettings} settings
 * @param {PageKeys} keys
 * @returns {import('./check-panel.js').Check}
 */
function checkOf(settings, keys) {
  return async function* (asked) {
    // Few need it: it is loaded by those who do.
    const [{ check }, webrtc, websocket] = await Promise.all([
      import('../client/audio/check.js'),
      import('../client/transports/webrtc.js'),
      import('../client/transports/websocket.js'),
    ]);
    const key = () => keys.source({ signal: asked.signal, renew: false });
    const connects = { websocket: websocket.connect, ...(settings.webrtc ? { webrtc: webrtc.connect } : {}) };
    yield* check({ ...asked, server: serverAt(undefined), model: keys.model, key, connects });
  };
}

async function begin() {
  const words = await loadWords(new URLSearchParams(location.search).get('lang'), navigator.language);
  try {
    const settings = await loadSettings();
    const preferences = new Preferences(browserStore());
    const keys = new PageKeys(settings, tokenFrom);
    createApp(root, { Client: AntiphonClient, settings, keys, words, preferences, check: checkOf(settings, keys) });
  } catch (error) {
    showFailure(words, error);
  }
}

/**
 * @param {import('./texts/index.js').Words} words
 * @param {unknown} error
 */
function showFailure(words, error) {
  if (!(error instanceof ProblemError)) throw error;
  const { what, cure } = words.problem(error.problem);
  const again = element(
    'button',
    { type: 'button', class: 'button primary', onclick: () => location.reload() },
    words.shared('again'),
  );
  const card = element(
    'section',
    { class: 'failure' },
    icon('warning'),
    element('h1', { class: 'welcome-title' }, what),
    element('p', { class: 'welcome-lead' }, cure),
    again,
  );
  fill(root, element('main', { class: 'talk' }, card));
}

await begin();
