// The talk page: puts its parts together, and lets them follow the conversation.

import { Announcer } from './announcer.js';
import { CheckPanel } from './check-panel.js';
import { ChosenDevices } from './chosen-devices.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { element, fill, setAttribute } from './dom.js';
import { EventsPanel } from './events-panel.js';
import { Frames } from './frames.js';
import { icon } from './icons.js';
import { Inspector } from './inspector.js';
import { KeyCard } from './key-card.js';
import { Notices } from './notices.js';
import { asConfig, changes } from './session-draft.js';
import { PushToTalk } from './push-to-talk.js';
import { SettingsPanel } from './settings-panel.js';
import { listenForShortcuts } from './shortcuts.js';
import { Stage } from './stage.js';
import { ThemeButton } from './theme.js';
import { Transcript } from './transcript.js';
import { TransportBadge } from './transport-badge.js';
import { TurnPanel } from './turn-panel.js';
import { sampleQuestions, Welcome } from './welcome.js';

/** @typedef {import('../client/types.js').ClientOptions} ClientOptions */

/**
 * @typedef {object} AppOptions
 * @property {import('./conversation.js').ClientClass} Client
 * @property {import('./keys.js').ServerSettings} settings
 * @property {import('./keys.js').PageKeys} keys
 * @property {import('./texts/index.js').Words} words
 * @property {import('./preferences.js').Preferences} preferences
 * @property {import('./check-panel.js').Check} check
 */

/**
 * Show the talk page.
 *
 * @param {HTMLElement} root
 * @param {AppOptions} options
 * @returns {App}
 */
export function createApp(root, options) {
  return new App(root, options);
}

// The panels in the inspector, by their place.
const TURN = 0;
const SETTINGS = 2;

/** The page. */
export class App {
  #options;
  #end = new AbortController();
  #devices;
  /** @type {import('./context.js').Context} */
  #context;
  #main = element('main', { class: 'talk' });
  #welcome;
  #keyCard;
  #stage;
  #transcript;
  #composer;
  #notices;
  #badge;
  #turnPanel;
  #settingsPanel;
  #inspector;
  #inspectorButton;
  #copy;
  #hints;
  #frames;
  #wasConnected = false;
  /** Whether the details are still to be shown: once in a conversation, so that who closes them is left alone. */
  #unopened = false;

  /**
   * @param {HTMLElement} root
   * @param {AppOptions} options
   */
  constructor(root, options) {
    this.#options = options;
    const { words, preferences, settings } = options;
    const conversation = new Conversation(options.Client, () => this.#clientOptions());
    const context = { conversation, words, preferences, settings };
    this.#context = context;
    this.#devices = new ChosenDevices(conversation);
    const actions = this.#actions();
    this.#welcome = new Welcome(context, actions);
    this.#keyCard = new KeyCard(context, (key) => this.#useKey(key));
    this.#stage = new Stage(context);
    this.#transcript = new Transcript(context, {
      choose: (at) => this.#showTurnAt(at),
      samples: sampleQuestions(context, actions.ask),
    });
    this.#composer = new Composer(context, actions);
    this.#notices = new Notices(context, {
      again: actions.talk,
      allow: () => void conversation.useMicrophone(this.#microphone()),
    });
    this.#badge = new TransportBadge(context, this.#end.signal);
    this.#turnPanel = new TurnPanel(context);
    this.#settingsPanel = new SettingsPanel(context, this.#devices, (reason, left) => this.#tellRefusal(reason, left));
    const panels = [
      this.#turnPanel,
      new EventsPanel(context),
      this.#settingsPanel,
      new CheckPanel(context, options.check),
    ];
    this.#inspectorButton = iconButton('panel', words.say('inspector'), () => this.#inspector.toggle());
    this.#copy = iconButton('copy', words.say('copy_transcript'), () => void this.#copyTranscript());
    this.#inspector = new Inspector(context, panels, {
      changed: (open) => this.#inspectorChanged(root, open),
      signal: this.#end.signal,
    });
    this.#hints = element('p', { class: 'key-hints', 'aria-hidden': 'true' }, ...keyHints(words));
    this.#frames = new Frames((now) => this.#draw(now), this.#end.signal);
    this.#build(root);
    this.#listen();
    this.#follow();
  }

  /** What tests and the console reach. */
  get conversation() {
    return this.#context.conversation;
  }

  get inspector() {
    return this.#inspector;
  }

  /** @returns {ClientOptions} */
  #clientOptions() {
    const { keys, preferences } = this.#options;
    const { transports, draft } = preferences.choices;
    const loudspeaker = this.#devices.id('output');
    const session = asConfig(changes(draft, null));
    return {
      token: keys.source,
      ...(keys.model === undefined ? {} : { model: keys.model }),
      session,
      transports,
      microphone: this.#microphone(),
      ...(loudspeaker ? { loudspeaker } : {}),
    };
  }

  #microphone() {
    const deviceId = this.#devices.id('input');
    return deviceId ? { deviceId } : {};
  }

  #actions() {
    const { conversation } = this.#context;
    return {
      talk: () => this.#talk(),
      ask: (/** @type {string} */ question) => void conversation.write(question),
      write: (/** @type {string} */ text) => conversation.write(text),
      microphone: () => this.#toggleMicrophone(),
      hold: (/** @type {boolean} */ held) => this.#holder.hold(held),
    };
  }

  #talk() {
    if (this.#options.keys.missing) this.#keyCard.focus();
    else void this.#context.conversation.begin();
  }

  /** @param {string} key */
  #useKey(key) {
    this.#options.keys.give(key);
    this.#talk();
    this.#follow();
  }

  #toggleMicrophone() {
    const { conversation } = this.#context;
    const { type, muted } = conversation.microphone;
    if (type === 'on') conversation.mute(!muted);
    else if (conversation.connected) void conversation.useMicrophone(this.#microphone());
  }

  #muteByKey() {
    const { conversation } = this.#context;
    if (conversation.connected && !conversation.byHand) this.#toggleMicrophone();
  }

  /** @type {PushToTalk} */
  #holder = /** @type {never} */ (null);

  /** @param {HTMLElement} root */
  #build(root) {
    const { words } = this.#context;
    const announcer = new Announcer(this.#context);
    const theme = new ThemeButton(this.#context, this.#end.signal);
    const brand = element(
      'a',
      { class: 'brand', href: './', 'aria-label': 'Antiphon' },
      element('span', { class: 'brand-mark', 'aria-hidden': 'true' }),
      element('span', { class: 'brand-name' }, 'Antiphon'),
    );
    const tools = element(
      'div',
      { class: 'header-tools' },
      this.#badge.element,
      this.#copy,
      theme.element,
      this.#inspectorButton,
    );
    const header = element('header', { class: 'header' }, brand, tools);
    this.#main.append(
      this.#notices.element,
      this.#keyCard.element,
      this.#welcome.element,
      this.#stage.element,
      this.#transcript.element,
      this.#composer.element,
      this.#hints,
    );
    fill(root, header, this.#main, this.#inspector.backdrop, this.#inspector.element, announcer.element);
    setAttribute(document.documentElement, 'lang', words.lang);
    setAttribute(document.documentElement, 'dir', words.direction);
  }

  #listen() {
    const { conversation } = this.#context;
    const { signal } = this.#end;
    this.#holder = new PushToTalk(conversation, (held) => this.#composer.showHeld(held));
    for (const type of ['state', 'microphone', 'session', 'begun', 'history', 'turn'])
      conversation.addEventListener(type, () => this.#follow());
    conversation.addEventListener('begun', () => {
      this.#stage.clear();
      this.#unopened = true;
    });
    listenForShortcuts(
      this.#context,
      { hold: (held) => this.#holder.hold(held), mute: () => this.#muteByKey() },
      signal,
    );
    for (const type of ['online', 'offline']) window.addEventListener(type, () => this.#lookAround(), { signal });
    this.#lookAround();
  }

  // What is in the way even before the first conversation.
  #lookAround() {
    if (!navigator.onLine) this.#notices.stand({ code: 'offline', detail: '' });
    else if (!window.isSecureContext) this.#notices.stand({ code: 'insecure_context', detail: '' });
    else this.#notices.stand(null);
  }

  #follow() {
    const { conversation } = this.#context;
    const { state } = conversation;
    const talking = ['connected', 'reconnecting'].includes(state.type) || conversation.history.length > 0;
    const keyNeeded =
      this.#options.keys.missing ||
      (state.type === 'closed' && state.problem?.code === 'key_invalid' && this.#options.keys.askable);
    setAttribute(this.#main, 'data-state', keyNeeded ? 'key' : talking ? 'talking' : 'welcome');
    this.#keyCard.element.hidden = !keyNeeded;
    this.#welcome.element.hidden = keyNeeded || talking;
    for (const part of [this.#stage.element, this.#transcript.element]) part.hidden = keyNeeded || !talking;
    this.#composer.element.hidden = keyNeeded;
    this.#copy.hidden = conversation.history.length === 0;
    this.#hints.hidden = !conversation.connected;
    for (const part of [this.#welcome, this.#stage, this.#composer, this.#notices, this.#badge]) part.show();
    this.#followConnection();
  }

  #followConnection() {
    const { connected } = this.#context.conversation;
    if (connected === this.#wasConnected) return;
    this.#wasConnected = connected;
    if (connected) this.#frames.start();
    else this.#frames.stop();
    if (connected && this.#unopened && !this.#inspector.narrow) this.#inspector.toggle(true);
    if (connected) this.#unopened = false;
  }

  /** @param {number} now */
  #draw(now) {
    const levels = this.#context.conversation.levels();
    this.#stage.draw(levels, now);
    this.#settingsPanel.draw(levels, now);
  }

  /** @param {number} at By performance.now(). */
  #showTurnAt(at) {
    this.#inspector.choose(TURN);
    this.#inspector.toggle(true);
    this.#turnPanel.showTurnAt(at);
  }

  /**
   * @param {string} reason What the server said against a setting.
   * @param {boolean} isLeftOut Whether that one is not sent again.
   */
  #tellRefusal(reason, isLeftOut) {
    const { words } = this.#context;
    const what = words.say('settings_refused', { reason });
    const act = () => {
      this.#inspector.choose(SETTINGS);
      this.#inspector.toggle(true);
    };
    this.#notices.note({
      what,
      cure: isLeftOut ? words.say('settings_left_out') : '',
      label: words.say('tab_settings'),
      act,
    });
  }

  /**
   * @param {HTMLElement} root
   * @param {boolean} open
   */
  #inspectorChanged(root, open) {
    setAttribute(root, 'data-inspector', open);
    setAttribute(this.#inspectorButton, 'aria-expanded', String(open));
  }

  async #copyTranscript() {
    const { words } = this.#context;
    const copied = await navigator.clipboard?.writeText(this.#transcript.text()).then(
      () => true,
      () => false,
    );
    fill(this.#copy, icon(copied ? 'check' : 'cross'));
    setAttribute(this.#copy, 'aria-label', words.say(copied ? 'copied' : 'copy_failed'));
    window.setTimeout(() => this.#resetCopy(), 2000);
  }

  #resetCopy() {
    fill(this.#copy, icon('copy'));
    setAttribute(this.#copy, 'aria-label', this.#context.words.say('copy_transcript'));
  }

  /** Take the page away: nothing of it listens any more. */
  close() {
    this.#context.conversation.end();
    this.#inspector.toggle(false);
    this.#devices.close();
    this.#end.abort();
  }
}

/**
 * @param {import('./icons.js').IconName} symbol
 * @param {string} label
 * @param {() => void} onclick
 */
function iconButton(symbol, label, onclick) {
  return element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick },
    icon(symbol),
  );
}

/** @param {import('./texts/index.js').Words} words */
function keyHints(words) {
  const keys = /** @type {const} */ ([
    ['Esc', 'key_interrupt'],
    ['M', 'key_mute'],
  ]);
  return keys.map(([key, text]) => element('span', {}, element('kbd', {}, key), ` ${words.say(text)}`));
}
