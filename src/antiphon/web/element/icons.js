// The element's icons, as lines on a field of 24 by 24.

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
