// The words of the interface, in eight languages: one file each, loaded when it is needed. English is the source.

/** @typedef {import('../client/problems.js').ProblemCode} ProblemCode */
/** @typedef {typeof import('./en.js').default} English */
/** @typedef {Exclude<keyof English, 'problems'>} TextKey */

/**
 * What happened, and what the person can do next.
 *
 * @typedef {{ what: string, cure: string }} Words
 */

/** @typedef {Record<TextKey, string> & { problems: Record<ProblemCode, Words> }} Texts */

const FILES = {
  en: () => import('./en.js'),
  de: () => import('./de.js'),
  fr: () => import('./fr.js'),
  es: () => import('./es.js'),
  pt: () => import('./pt.js'),
  ja: () => import('./ja.js'),
  zh: () => import('./zh.js'),
  ar: () => import('./ar.js'),
};

/** @typedef {keyof typeof FILES} Language */

export const LANGUAGES = /** @type {readonly Language[]} */ (Object.keys(FILES));

/**
 * The language of ours that comes nearest to a BCP 47 tag, such as `de` for `de-AT`; English when none does.
 *
 * @param {string | null | undefined} tag
 * @returns {Language}
 */
export function languageOf(tag) {
  const primary = (tag ?? '').trim().toLowerCase().split(/[-_]/)[0];
  return LANGUAGES.find((language) => language === primary) ?? 'en';
}

/**
 * @param {Language} language
 * @returns {Promise<Texts>}
 */
export async function loadTexts(language) {
  return (await FILES[language]()).default;
}

/**
 * @param {Language} language
 * @returns {'ltr' | 'rtl'}
 */
export function direction(language) {
  return language === 'ar' ? 'rtl' : 'ltr';
}

/**
 * A text with its placeholders filled: `{name}` becomes `values.name`.
 *
 * @param {Texts} texts
 * @param {TextKey} key
 * @param {Readonly<Record<string, string | number>>} [values]
 * @returns {string}
 */
export function say(texts, key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
