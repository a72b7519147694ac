// The panel "Check": does the microphone hear, does the loudspeaker sound, what does the network let through.

import { element, fill, setAttribute, write } from './dom.js';
import { fixed, inMs } from './format.js';
import { icon } from './icons.js';

/** @typedef {import('./context.js').Context} Context */
/** @typedef {import('../client/audio/check.js').CheckResult} CheckResult */
/** @typedef {(options: { signal: AbortSignal, ask: () => Promise<boolean> }) => AsyncIterable<CheckResult>} Check */

/** @type {readonly CheckResult['name'][]} In the order in which they are looked at. */
const STEPS = [
  'microphone',
  'sample_rate',
  'processing',
  'level',
  'loudspeaker',
  'server',
  'round_trip',
  'websocket',
  'webrtc',
];

/** @type {Record<CheckResult['outcome'], import('./icons.js').IconName>} */
const MARKS = { ok: 'check', warning: 'warning', failed: 'cross', skipped: 'dash' };

/** Runs the self-test and tells what it found, with cures. */
export class CheckPanel {
  #context;
  #check;
  #rows;
  #button;
  #list;
  #summary = element('p', { class: 'check-summary', role: 'status' });
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {Context} context
   * @param {Check} check
   */
  constructor(context, check) {
    this.#context = context;
    this.#check = check;
    const { words, conversation } = context;
    this.label = words.say('tab_check');
    this.#rows = new Map(STEPS.map((name) => [name, new Step(name, words)]));
    this.#list = element('ul', { class: 'findings' }, ...[...this.#rows.values()].map((row) => row.element));
    this.#button = element(
      'button',
      { type: 'button', class: 'button primary', onclick: () => void this.#toggle() },
      words.say('check_run'),
    );
    const title = element('h2', { class: 'panel-title' }, words.say('check_title'));
    const lead = element('p', { class: 'panel-lead' }, words.say('check_lead'));
    this.element = element('div', { class: 'check-panel' }, title, lead, this.#button, this.#summary, this.#list);
    for (const type of ['state', 'begun']) conversation.addEventListener(type, () => this.#follow());
  }

  // Two users of one microphone are one too many, and the tone would be heard as a question.
  #follow() {
    const { conversation, words } = this.#context;
    this.#button.disabled = conversation.underWay;
    if (conversation.underWay) this.#running?.abort();
    write(this.#summary, conversation.underWay ? words.say('check_later') : '');
  }

  /** @param {boolean} shown */
  show(shown) {
    if (!shown) this.#running?.abort();
  }

  async #toggle() {
    if (this.#running) this.#running.abort();
    else await this.#run();
  }

  async #run() {
    const { words } = this.#context;
    const run = new AbortController();
    this.#running = run;
    this.#begin();
    try {
      for await (const found of this.#check({ signal: run.signal, ask: () => this.#ask(run.signal) }))
        this.#tell(found);
      write(this.#summary, words.say(this.#outcomes.includes('failed') ? 'check_failed' : 'check_passed'));
    } catch (error) {
      write(
        this.#summary,
        run.signal.aborted ? words.say('check_stopped') : words.say('check_broke', { reason: String(error) }),
      );
    } finally {
      this.#finish();
    }
  }

  get #outcomes() {
    return [...this.#rows.values()].map((row) => row.outcome);
  }

  #begin() {
    const { words } = this.#context;
    for (const row of this.#rows.values()) row.wait();
    this.#rows.get('microphone')?.run();
    write(this.#summary, words.say('check_running'));
    write(this.#button, words.shared('cancel'));
    setAttribute(this.element, 'data-begun', true);
  }

  #finish() {
    this.#running = null;
    for (const row of this.#rows.values()) if (row.outcome === 'running') row.wait();
    write(this.#button, this.#context.words.say('check_again'));
  }

  /** @param {CheckResult} found */
  #tell(found) {
    const at = STEPS.indexOf(found.name);
    this.#rows.get(found.name)?.show(found);
    for (const name of STEPS.slice(0, at)) this.#rows.get(name)?.passOver();
    const next = STEPS[at + 1];
    if (next) this.#rows.get(next)?.run();
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>}
   */
  #ask(signal) {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#rows.get('loudspeaker')?.ask(resolve);
    });
  }
}

/** One thing that is looked at. */
class Step {
  #words;
  #name;
  #mark = element('span', { class: 'finding-mark' });
  #value = element('span', { class: 'finding-value' });
  #text = element('div', { class: 'finding-text' });
  /** @type {CheckResult['outcome'] | 'waiting' | 'running'} */
  outcome = 'waiting';

  /**
   * @param {CheckResult['name']} name
   * @param {import('./texts/index.js').Words} words
   */
  constructor(name, words) {
    this.#name = name;
    this.#words = words;
    const title = element('p', { class: 'finding-name' }, element('span', {}, words.say(`check_${name}`)), this.#value);
    this.element = element(
      'li',
      { class: 'finding' },
      this.#mark,
      element('div', { class: 'finding-body' }, title, this.#text),
    );
    this.wait();
  }

  /** @param {Step['outcome']} outcome */
  #become(outcome) {
    this.outcome = outcome;
    setAttribute(this.element, 'data-outcome', outcome);
    fill(this.#text);
    write(this.#value, '');
  }

  wait() {
    this.#become('waiting');
    fill(this.#mark);
  }

  run() {
    this.#become('running');
    fill(this.#mark, element('span', { class: 'spinner' }));
    if (this.#name === 'level') fill(this.#text, element('p', { class: 'finding-ask' }, this.#words.say('check_say')));
    if (this.#name === 'microphone')
      fill(this.#text, element('p', { class: 'finding-ask' }, this.#words.shared('hint_asking')));
  }

  passOver() {
    if (this.outcome === 'waiting' || this.outcome === 'running')
      this.show({ name: this.#name, outcome: 'skipped', problem: null, value: null, unit: null });
  }

  /** @param {CheckResult} found */
  show(found) {
    this.#become(found.outcome);
    fill(
      this.#mark,
      icon(MARKS[found.outcome]),
      element('span', { class: 'visually-hidden' }, this.#words.say(`outcome_${found.outcome}`)),
    );
    write(this.#value, this.#amount(found));
    const advice = this.#advice(found);
    fill(this.#text, advice === '' ? null : element('p', { class: 'finding-cure' }, advice));
  }

  /** @param {CheckResult} found */
  #advice({ name, outcome, problem }) {
    const words = this.#words;
    if (problem) return `${words.problem(problem).what} ${words.problem(problem).cure}`;
    if (outcome !== 'warning') return '';
    const keys = {
      level: 'check_level_low',
      sample_rate: 'check_rate_low',
      processing: 'check_no_echo',
      loudspeaker: 'check_unheard',
      round_trip: 'check_slow',
    };
    const key = name in keys ? /** @type {import('./texts/index.js').TextKey} */ (Reflect.get(keys, name)) : null;
    return key ? words.say(key) : '';
  }

  /** @param {CheckResult} found */
  #amount({ name, value, unit }) {
    const { lang } = this.#words;
    if (typeof value === 'string') return name === 'processing' ? this.#processing(value) : value;
    if (typeof value !== 'number') return '';
    if (unit === 'ms') return inMs(value, lang);
    return unit === null ? `${fixed(value * 100, 0, lang)} %` : `${fixed(value, 0, lang)} ${unit}`;
  }

  /** @param {string} names Of constraints, such as `echoCancellation noiseSuppression`. */
  #processing(names) {
    const known = {
      echoCancellation: 'process_echo',
      noiseSuppression: 'process_noise',
      autoGainControl: 'process_gain',
    };
    const keys = names.split(' ').flatMap((name) => Reflect.get(known, name) ?? []);
    return keys.map((key) => this.#words.say(key)).join(', ');
  }

  /** @param {(heard: boolean) => void} answer */
  ask(answer) {
    const button = (/** @type {boolean} */ heard) =>
      element(
        'button',
        { type: 'button', class: 'button small', onclick: () => answer(heard) },
        this.#words.say(heard ? 'yes' : 'no'),
      );
    const question = element('p', { class: 'finding-ask' }, this.#words.say('check_heard'));
    fill(this.#text, question, element('div', { class: 'finding-buttons' }, button(true), button(false)));
  }
}
