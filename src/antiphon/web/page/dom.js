// Building elements: text stays text, so that nothing from outside becomes markup.

/** @typedef {Node | string | null | false} Child */

/**
 * Build an element.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [given] Attributes. `onclick` and the like are listeners, booleans put an attribute there or leave it out,
 *   null leaves it out, `value`, `checked` and other properties in PROPERTIES are set as such.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) assign(made, name, value);
  made.append(...present(children));
  return made;
}

const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'indeterminate', 'htmlFor']);

/**
 * @param {HTMLElement} made
 * @param {string} name
 * @param {unknown} value
 */
function assign(made, name, value) {
  if (typeof value === 'function') made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  else if (PROPERTIES.has(name)) Reflect.set(made, name, value);
  else setAttribute(made, name, value);
}

/**
 * @param {Element} made
 * @param {string} name
 * @param {unknown} value True for an empty attribute; false and null for none.
 */
export function setAttribute(made, name, value) {
  if (value === false || value === null || value === undefined) made.removeAttribute(name);
  else made.setAttribute(name, value === true ? '' : String(value));
}

/**
 * @param {readonly Child[]} children
 * @returns {(Node | string)[]}
 */
function present(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== false));
}

/**
 * Put these in place of what is there.
 *
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

/**
 * Set an element's text, only where it differs, so that screen readers and selections are left alone.
 *
 * @param {Element} target
 * @param {string} text
 */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

let last = 0;

/**
 * @param {string} stem
 * @returns {string} An id that no other element has.
 */
export function uniqueId(stem) {
  last += 1;
  return `${stem}-${last}`;
}

/** Whether the user wants little motion. */
export function wantsLittleMotion() {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/**
 * @param {EventTarget | null} target
 * @returns {boolean} Whether keys pressed there write something.
 */
export function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    target.matches('input:not([type=checkbox], [type=radio], [type=range]), textarea, select')
  );
}
