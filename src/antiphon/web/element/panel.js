// The element's inside: its parts, put together.
import { direction, say } from '../texts/index.js';
import { announcement, isToBeRead } from './announcements.js';
import { Captions } from './captions.js';
import { Composer } from './composer.js';
import { Controls } from './controls.js';
import { icon, iconButton, make, name, setAttribute, write } from './dom.js';
import { Meter } from './meter.js';
import { ProblemPanel } from './problem-panel.js';

/** @typedef {import('../client/types.js').Entry} Entry */
/** @typedef {import('../texts/index.js').Language} Language */
/** @typedef {import('../texts/index.js').Texts} Texts */
/** @typedef {import('./controls.js').Action} Action */
/** @typedef {import('./device-menu.js').Chosen} Chosen */
/** @typedef {import('./device-menu.js').DeviceMenu} DeviceMenu */
/** @typedef {import('./look.js').Look} Look */
/** @typedef {import('./look.js').Trouble} Trouble */

/**
 * What a person can do.
 *
 * @typedef {object} Acts
 * @property {(action: Action) => void} main
 * @property {() => void} mute
 * @property {() => void} interrupt
 * @property {(text: string) => void} send
 * @property {(what: NonNullable<Trouble['retry']>) => void} retry
 * @property {(trouble: Trouble) => void} dismiss
 * @property {(deviceId: string) => void} microphone
 * @property {(deviceId: string) => void} loudspeaker
 */

/**
 * What is drawn besides the look.
 *
 * @typedef {object} Scene
 * @property {Look} look
 * @property {string} label Of the whole, for screen readers.
 * @property {Texts} texts
 * @property {Language} language
 * @property {Chosen} chosen
 * @property {(() => { input: number, output: number }) | null} levels
 */

/** A coloured dot, a headline and a hint. */
class StatusLine {
  #headline = make('p', { part: 'state', class: 'headline' });
  #hint = make('p', { part: 'hint', class: 'hint' });
  element = make('div', { part: 'status', class: 'status' }, make('i', { class: 'dot' }), this.#headline, this.#hint);

  /**
   * @param {Look} look
   * @param {Texts} texts
   */
  update({ tone, headline, hint, transport }, texts) {
    this.element.dataset['tone'] = tone;
    write(this.#headline, texts[headline]);
    const values = { transport: transport ? texts[`transport_${transport}`] : '' };
    write(this.#hint, hint ? say(texts, hint, values) : '');
  }
}

/** All parts in a frame. */
export class Panel {
  #status = new StatusLine();
  #meter = new Meter();
  #captions = new Captions();
  #problem;
  #controls;
  #composer;
  /** @type {DeviceMenu | null} Loaded when it is first opened. */
  #menu = null;
  #settings = iconButton('settings', icon('settings'), () => void this.#openMenu());
  #top = make('div', { class: 'top' });
  #announcer = make('div', { class: 'for-readers', role: 'status', 'aria-live': 'polite' });
  #acts;
  element;
  /** @type {Scene | null} */
  #scene = null;
  /** @type {Set<string>} Ids of what was announced. */
  #read = new Set();

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
    this.#problem = new ProblemPanel(acts.retry, acts.dismiss);
    this.#controls = new Controls({ main: acts.main, mute: acts.mute, interrupt: () => this.#interrupt() });
    this.#composer = new Composer(acts.send);
    this.#top.append(this.#status.element, this.#settings);
    const rows = [this.#captions, this.#problem, this.#meter, this.#controls, this.#composer];
    const parts = [this.#top, ...rows.map(({ element }) => element), this.#announcer];
    this.element = make('div', { part: 'frame', class: 'frame', role: 'region', hidden: true }, ...parts);
    this.element.addEventListener('keydown', (event) => this.#escape(event));
  }

  /** @param {Scene} scene */
  update(scene) {
    const { look, texts } = scene;
    const focused = this.#focused();
    this.#frame(scene);
    for (const part of [this.#status, this.#captions, this.#problem, this.#controls, this.#composer]) {
      part.update(look, texts);
    }
    this.#meter.update(look, scene.levels);
    this.#menu?.update(look, texts, scene.chosen);
    if (focused && !isShown(focused)) this.#focusAgain();
    if (this.#scene) this.#announce(announcement(this.#scene.look, look, texts));
    this.#scene = scene;
  }

  /**
   * @param {readonly Entry[]} history
   * @param {Entry | null} changed
   */
  showHistory(history, changed) {
    this.#captions.show(history);
    if (!changed || !this.#scene || this.#read.has(changed.id) || !isToBeRead(changed)) return;
    this.#read.add(changed.id);
    this.#announce(say(this.#scene.texts, 'said_assistant', { text: changed.text }));
  }

  /** @param {Scene} scene */
  #frame({ label, texts, language }) {
    this.element.hidden = false;
    setAttribute(this.element, 'lang', language);
    setAttribute(this.element, 'dir', direction(language));
    setAttribute(this.element, 'aria-label', label);
    name(this.#settings, texts.settings);
    this.#markMenu();
  }

  /** @param {string} text */
  #announce(text) {
    if (!text) return;
    // The same words a second time are news only if something differs.
    this.#announcer.textContent = this.#announcer.textContent === text ? `${text}\u00a0` : text;
  }

  #interrupt() {
    if (this.#scene?.look.canInterrupt) this.#acts.interrupt();
  }

  async #openMenu() {
    // Where it does not come, the next press tries again.
    if (!this.#menu) await this.#loadMenu().catch(() => {});
    this.#toggleMenu();
  }

  async #loadMenu() {
    const { DeviceMenu } = await import('./device-menu.js');
    // A second press may have come first.
    if (this.#menu) return;
    this.#menu = new DeviceMenu(this.#acts);
    this.#top.after(this.#menu.element);
    setAttribute(this.#settings, 'aria-controls', 'menu');
    if (this.#scene) this.#menu.update(this.#scene.look, this.#scene.texts, this.#scene.chosen);
  }

  /** The element is taken out of the page: nothing of it listens any more. */
  closeMenu() {
    if (this.#menu?.element.hidden === false) this.#toggleMenu();
  }

  #toggleMenu() {
    this.#menu?.toggle();
    this.#markMenu();
  }

  #markMenu() {
    setAttribute(this.#settings, 'aria-expanded', String(this.#menu?.element.hidden === false));
  }

  /** @param {KeyboardEvent} event */
  #escape(event) {
    // In an input method it takes back what is being composed.
    if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return;
    if (this.#menu?.element.hidden === false) {
      this.#toggleMenu();
      this.#settings.focus();
    } else this.#interrupt();
  }

  /** @returns {Element | null} */
  #focused() {
    const root = this.element.getRootNode();
    return root instanceof ShadowRoot ? root.activeElement : null;
  }

  /** What had the focus is gone: it moves to what takes its place, not to the page's beginning. */
  #focusAgain() {
    if (isShown(this.#controls.main)) this.#controls.main.focus();
    else this.#composer.field.focus();
  }
}

/** @param {Element} element */
function isShown(element) {
  return element.closest('[hidden]') === null;
}
