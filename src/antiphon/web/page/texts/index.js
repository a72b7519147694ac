// The page's own words, in the language of the address (?lang=de) or of the browser; what is not translated is English.

import { direction, languageOf, loadTexts } from '../../texts/index.js';
import english from './en.js';

/** @typedef {import('../../client/types.js').Problem} Problem */
/** @typedef {import('../../texts/index.js').Language} Language */
/** @typedef {import('../../texts/index.js').Texts} Shared */
/** @typedef {keyof typeof english} TextKey */
/** @typedef {Record<TextKey, string>} PageTexts */
/** @typedef {Exclude<keyof Shared, 'problems'>} SharedKey */

/** All that the page says, in one language. */
export class Words {
  #texts;
  #shared;

  /**
   * @param {Language} lang
   * @param {PageTexts} texts
   * @param {Shared} shared
   */
  constructor(lang, texts, shared) {
    this.lang = lang;
    this.#texts = texts;
    this.#shared = shared;
  }

  /** @returns {'ltr' | 'rtl'} */
  get direction() {
    return direction(this.lang);
  }

  /**
   * @param {TextKey} key
   * @param {Readonly<Record<string, string | number>>} [values] For the placeholders: `{name}` becomes `values.name`.
   * @returns {string}
   */
  say(key, values = {}) {
    return this.#texts[key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  }

  /**
   * @param {SharedKey} key Of the words that the page shares with the element.
   * @returns {string}
   */
  shared(key) {
    return this.#shared[key];
  }

  /**
   * @param {Problem} problem
   * @returns {{ what: string, cure: string }}
   */
  problem({ code, detail }) {
    return this.#shared.problems[code] ?? { what: code, cure: detail };
  }
}

/**
 * @param {string | null} asked The `lang` of the address.
 * @param {string} browsers The browser's language.
 * @returns {Promise<Words>}
 */
export async function loadWords(asked, browsers) {
  const lang = languageOf(asked || browsers);
  const [own, shared] = await Promise.all([ownTexts(lang), loadTexts(lang)]);
  return new Words(lang, { ...english, ...own }, shared);
}

/**
 * @param {Language} lang
 * @returns {Promise<Partial<PageTexts>>}
 */
async function ownTexts(lang) {
  return lang === 'en' ? english : (await import(`./${lang}.js`)).default;
}
