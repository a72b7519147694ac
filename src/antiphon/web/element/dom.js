// Building elements. What comes from outside goes in as text, never as markup.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean>} [attributes] True for an empty one, false for none.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

/**
 * Set an attribute where it differs.
 *
 * @param {Element} target
 * @param {string} name
 * @param {string | boolean} value True for an empty one, false for none.
 */
export function setAttribute(target, name, value) {
  if (value === false) target.removeAttribute(name);
  else if (target.getAttribute(name) !== (value === true ? '' : value)) {
    target.setAttribute(name, value === true ? '' : value);
  }
}

/**
 * Set a text where it differs, so that selections and screen readers are left alone.
 *
 * @param {Node} target
 * @param {string} text
 */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * A button that shows an icon; its words are for screen readers and for the pointer that rests on it.
 *
 * @param {string} part
 * @param {SVGElement} drawing
 * @param {() => void} press
 */
export function iconButton(part, drawing, press) {
  const element = make('button', { type: 'button', part, class: 'icon-button' }, drawing);
  element.addEventListener('click', press);
  return element;
}

/**
 * @param {HTMLElement} button
 * @param {string} text
 */
export function name(button, text) {
  setAttribute(button, 'aria-label', text);
  setAttribute(button, 'title', text);
}
