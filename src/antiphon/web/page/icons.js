// The page's icons: 24 by 24, drawn as lines.

const PATHS = {
  microphone: ['M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3Z', 'M5.5 11a6.5 6.5 0 0 0 13 0', 'M12 17.5V21'],
  muted: [
    'M9 9v2a3 3 0 0 0 4.6 2.5',
    'M15 10.5V6a3 3 0 0 0-5.7-1.3',
    'M5.5 11a6.5 6.5 0 0 0 10.3 5.3',
    'M18.5 11a6.5 6.5 0 0 1-.6 2.7',
    'M12 17.5V21',
    'M4 4l16 16',
  ],
  stop: ['M7.5 7h9a.5.5 0 0 1 .5.5v9a.5.5 0 0 1-.5.5h-9a.5.5 0 0 1-.5-.5v-9a.5.5 0 0 1 .5-.5Z'],
  send: ['M12 19V5', 'M5.5 11.5 12 5l6.5 6.5'],
  copy: [
    'M9 9.5A1.5 1.5 0 0 1 10.5 8h8A1.5 1.5 0 0 1 20 9.5v8a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 9 17.5Z',
    'M15.5 8V6A1.5 1.5 0 0 0 14 4.5H5.5A1.5 1.5 0 0 0 4 6v8a1.5 1.5 0 0 0 1.5 1.5H9',
  ],
  dash: ['M6 12h12'],
  check: ['M5 12.5 10 17.5 19.5 7'],
  cross: ['M6 6l12 12', 'M18 6 6 18'],
  warning: ['M12 4 2.8 19.5h18.4Z', 'M12 10v4.5', 'M12 17.2v.1'],
  down: ['M6 9.5 12 15.5 18 9.5'],
  tool: ['M14.5 6.5a4 4 0 0 1 5-1l-2.7 2.7 1 2 2 1 2-2a4 4 0 0 1-5.3 5L9 21.5 5.5 18l7.3-7.3a4 4 0 0 1 1.7-4.2Z'],
  download: ['M12 4v11', 'M7 10.5l5 5 5-5', 'M4.5 19.5h15'],
  pause: ['M9 6v12', 'M15 6v12'],
  play: ['M8 5.5v13l10.5-6.5Z'],
  sun: [
    'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z',
    'M12 2.5v2',
    'M12 19.5v2',
    'M2.5 12h2',
    'M19.5 12h2',
    'M5.3 5.3l1.4 1.4',
    'M17.3 17.3l1.4 1.4',
    'M5.3 18.7l1.4-1.4',
    'M17.3 6.7l1.4-1.4',
  ],
  moon: ['M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z'],
  panel: [
    'M4 6.5A1.5 1.5 0 0 1 5.5 5h13A1.5 1.5 0 0 1 20 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5Z',
    'M14.5 5v14',
  ],
  key: ['M15.5 4a4.5 4.5 0 1 1-3.9 6.7L4 18.3V20h3v-2h2v-2h2l1.9-1.9', 'M16.5 7.5v.1'],
};

/** @typedef {keyof typeof PATHS} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {IconName} name
 * @returns {SVGSVGElement} Hidden from screen readers: the words are beside it.
 */
export function icon(name) {
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('class', 'icon');
  drawing.setAttribute('aria-hidden', 'true');
  drawing.append(...PATHS[name].map(line));
  return drawing;
}

/** @param {string} path */
function line(path) {
  const drawn = document.createElementNS(SVG, 'path');
  drawn.setAttribute('d', path);
  return drawn;
}
