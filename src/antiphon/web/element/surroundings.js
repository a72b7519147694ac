// What an element takes from where it stands: its language, and a number that tells it from the others of the page.

/** @type {Set<number>} Those that are taken. */
const numbers = new Set();

/** @returns {number} The lowest that is free, from 1. */
export function takeNumber() {
  let number = 1;
  while (numbers.has(number)) number++;
  numbers.add(number);
  return number;
}

/** @param {number} number */
export function giveBack(number) {
  numbers.delete(number);
}

/**
 * @param {Element} element
 * @returns {string} Its own language, that of what is around it, or the browser's.
 */
export function languageAround(element) {
  /** @type {Node | null} */
  let place = element;
  while (place instanceof Element) {
    const near = place.closest('[lang]');
    if (near) return near.getAttribute('lang') ?? '';
    const root = place.getRootNode();
    place = root instanceof ShadowRoot ? root.host : null;
  }
  return navigator.language;
}
