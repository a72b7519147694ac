// Building elements, and the icons in them. What comes from outside goes in as text, never as markup.

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

// --- icons, as lines on a field of 24 by 24 ---

const LINES = {
  microphone: 'M12 3.5a3 3 0 0 1 3 3V11a3 3 0 0 1-6 0V6.5a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5v3',
  muted:
    'M9 9v2a3 3 0 0 0 4.8 2.4M15 10V6.5a3 3 0 0 0-5.7-1.3M5.5 11a6.5 6.5 0 0 0 10.4 5.2M18.5 11a6.5 6.5 0 0 1-.5 2.5M12 17.5v3M4 4l16 16',
  stop: 'M8 7h8a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1z',
  cross: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  again: 'M19 12a7 7 0 1 1-2.2-5.1M19.5 3.5v4h-4',
  hush: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5',
  send: 'M12 19V5.5M6 11l6-6 6 6',
  settings:
    'M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM8 13.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z',
  warning: 'M12 4.5L3 19.5h18zM12 10.5v4M12 17v.1',
  tool: 'M14.6 6.6a3.8 3.8 0 0 1 4.7-.9l-2.6 2.6.9 1.9 1.9.9 2.6-2.6a3.8 3.8 0 0 1-5 4.7l-7.9 7.9-3.3-3.3 7.9-7.9a3.8 3.8 0 0 1 .8-3.3z',
  down: 'M6.5 9.5l5.5 5.5 5.5-5.5',
};

/** @typedef {keyof typeof LINES} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {IconName} name
 * @returns {SVGSVGElement} Hidden from screen readers: words are beside it.
 */
export function icon(name) {
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('aria-hidden', 'true');
  drawing.append(document.createElementNS(SVG, 'path'));
  draw(drawing, name);
  return drawing;
}

/**
 * Make an icon another one.
 *
 * @param {SVGSVGElement} drawing
 * @param {IconName} name
 */
export function draw(drawing, name) {
  drawing.firstElementChild?.setAttribute('d', LINES[name]);
}
