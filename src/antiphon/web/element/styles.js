// How the element looks. Pages change it by the properties --antiphon-… and by ::part(…).

const LIGHT = `
  --surface: var(--antiphon-surface, oklch(0.995 0.002 195));
  --text: var(--antiphon-text, oklch(0.25 0.02 220));
  --muted: var(--antiphon-muted, oklch(0.48 0.02 220));
  --line: var(--antiphon-line, oklch(0.91 0.008 210));
  --edge: var(--antiphon-edge, oklch(0.61 0.02 215));
  --accent: var(--antiphon-accent, oklch(0.52 0.1 195));
  --on-accent: var(--antiphon-on-accent, oklch(0.99 0.005 195));
  --notice: var(--antiphon-notice, oklch(0.57 0.13 65));
  --danger: var(--antiphon-danger, oklch(0.55 0.18 27));
  --shadow: 0 1px 2px oklch(0.3 0.03 220 / 0.06), 0 8px 24px oklch(0.3 0.03 220 / 0.07);
  color-scheme: light;`;

const DARK = `
  --surface: var(--antiphon-surface, oklch(0.22 0.014 220));
  --text: var(--antiphon-text, oklch(0.94 0.008 210));
  --muted: var(--antiphon-muted, oklch(0.74 0.015 215));
  --line: var(--antiphon-line, oklch(0.33 0.016 220));
  --edge: var(--antiphon-edge, oklch(0.58 0.02 215));
  --accent: var(--antiphon-accent, oklch(0.77 0.11 195));
  --on-accent: var(--antiphon-on-accent, oklch(0.2 0.03 210));
  --notice: var(--antiphon-notice, oklch(0.8 0.12 75));
  --danger: var(--antiphon-danger, oklch(0.74 0.14 25));
  --shadow: 0 1px 2px oklch(0 0 0 / 0.3), 0 8px 24px oklch(0 0 0 / 0.25);
  color-scheme: dark;`;

const CSS =
  `
:host {
  ${LIGHT}
  display: block;
  box-sizing: border-box;
  inline-size: 100%;
  max-inline-size: 480px;
  container-type: inline-size;
  color: var(--text);
  font: 400 16px/1.5 var(--antiphon-font, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif);
  text-align: start;
}
:host([theme='dark']) { ${DARK} }
@media (prefers-color-scheme: dark) {
  :host(:not([theme='light'], [theme='dark'])) { ${DARK} }
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }

.frame {
  position: relative;
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: 16px;
  padding: 20px;
  border: 1px solid var(--line);
  border-radius: var(--antiphon-radius, 12px);
  background: var(--surface);
  box-shadow: var(--antiphon-shadow, var(--shadow));
}
p, ol { margin: 0; padding: 0; }
ol { list-style: none; }
svg {
  flex: none;
  inline-size: 20px;
  block-size: 20px;
  fill: none;
  stroke: currentcolor;
  stroke-width: 1.75;
  stroke-linecap: round;
  stroke-linejoin: round;
}
.for-readers {
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
` +
  // The state, in words.
  `
.top { display: flex; gap: 8px; align-items: start; justify-content: space-between; }
.status { display: grid; grid-template-columns: auto 1fr; column-gap: 12px; min-inline-size: 0; }
.headline { font-weight: 600; font-size: 17px; line-height: 24px; overflow-wrap: anywhere; hyphens: auto; }
.hint { color: var(--muted); font-size: 14px; line-height: 20px; }
.status .hint { grid-column: 2; min-block-size: 20px; }
.dot { margin-block-start: 7px; inline-size: 10px; block-size: 10px; border-radius: 50%; background: var(--edge); transition: background 0.2s; }
[data-tone='open'] .dot, [data-tone='hearing'] .dot, [data-tone='speaking'] .dot { background: var(--accent); }
[data-tone='busy'] .dot, [data-tone='thinking'] .dot { background: var(--accent); animation: breathe 1.4s ease-in-out infinite; }
[data-tone='hearing'] .dot { box-shadow: 0 0 0 4px color-mix(in oklab, var(--accent) 25%, transparent); }
[data-tone='trouble'] .dot { background: var(--danger); }
@keyframes breathe { 50% { opacity: 0.3; } }
` +
  // Buttons.
  `
button, select, textarea { font: inherit; color: inherit; margin: 0; }
button { cursor: pointer; -webkit-tap-highlight-color: transparent; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.button, .icon-button {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  gap: 10px;
  min-inline-size: 48px;
  min-block-size: 48px;
  padding: 0;
  border: 1px solid var(--line);
  border-radius: calc(var(--antiphon-radius, 12px) * 0.85);
  background: transparent;
}
.button { padding: 8px 20px; font-weight: 600; line-height: 20px; }
.button.small { min-block-size: 44px; padding: 8px 16px; border-color: var(--edge); font-size: 15px; }
.filled { background: var(--accent); border-color: transparent; color: var(--on-accent); }
.icon-button { flex: none; inline-size: 48px; }
.top .icon-button, .problem .icon-button { border-color: transparent; color: var(--muted); }
.top .icon-button { margin-block: -12px 0; margin-inline: 0 -10px; }
.top .icon-button:focus-visible { outline-offset: -2px; }
.icon-button[aria-expanded='true'] { background: color-mix(in oklab, var(--text) 8%, transparent); color: var(--text); }
.icon-button[aria-pressed='true'] { border-color: transparent; background: color-mix(in oklab, var(--danger) 14%, transparent); color: var(--danger); }
[aria-disabled='true'] { cursor: default; color: var(--muted); }
[aria-disabled='true'] svg { opacity: 0.55; }
.filled[aria-disabled='true'] { background: color-mix(in oklab, var(--text) 10%, transparent); }
@media (hover: hover) {
  .button:hover, .icon-button:hover { transition: background 0.15s; }
  .button:hover, .icon-button:not([aria-disabled='true'], [aria-pressed='true']):hover { background: color-mix(in oklab, var(--text) 7%, transparent); }
  .filled:not([aria-disabled='true']):hover { background: color-mix(in oklab, var(--accent) 88%, var(--text)); }
}
.controls { display: flex; gap: 8px; }
.main { flex: 1; min-inline-size: 0; }
` +
  // The level.
  `
.meter { display: flex; align-items: center; justify-content: center; gap: 4px; block-size: 48px; overflow: hidden; }
.meter i {
  flex: 0 1 4px;
  block-size: 100%;
  border-radius: 2px;
  background: var(--edge);
  transform: scaleY(0.07);
  transition: background 0.3s;
}
.meter[data-tone='hearing'] i { background: var(--text); }
.meter[data-tone='open'] i, .meter[data-tone='thinking'] i, .meter[data-tone='speaking'] i { background: var(--accent); }
` +
  // What was said.
  `
.captions { position: relative; min-inline-size: 0; }
.log {
  /* What only screen readers see is placed in here, or the page would grow with it. */
  position: relative;
  block-size: var(--antiphon-captions-size, 256px);
  margin-inline: -8px;
  padding: 4px 8px;
  overflow: hidden auto;
  overscroll-behavior: contain;
  scrollbar-width: thin;
  scrollbar-color: var(--line) transparent;
  border-radius: 8px;
}
.frame:has(.problem:not([hidden]), .menu:not([hidden])) .log { block-size: min(160px, var(--antiphon-captions-size, 256px)); }
.log:focus-visible { outline-offset: 0; }
.log[data-above] { mask-image: linear-gradient(to bottom, transparent, #000 24px); }
.log ol { display: grid; gap: 12px; }
.empty { display: grid; place-items: center; block-size: 100%; color: var(--muted); text-align: center; }
.entry { display: grid; justify-items: start; max-inline-size: 92%; overflow-wrap: anywhere; }
` +
  // Firefox gives list items the direction of what is around them.
  `
.entry p { text-align: start; white-space: pre-wrap; }
.entry.user { justify-self: end; max-inline-size: 86%; padding: 8px 14px; border-radius: 14px; border-end-end-radius: 4px; background: color-mix(in oklab, var(--accent) 13%, var(--surface)); }
.entry s { color: var(--muted); text-decoration-thickness: 1px; }
.cut-off { margin-block-start: 2px; color: var(--muted); font-size: 13px; line-height: 18px; }
.entry.tool { display: flex; gap: 8px; align-items: center; color: var(--muted); font-size: 14px; line-height: 20px; }
.entry.tool svg { inline-size: 16px; block-size: 16px; }
.entry.tool[data-status='failed'] { color: var(--danger); }
.entry.tool[data-status='running'] svg { animation: breathe 1.4s ease-in-out infinite; }
.dots { display: inline-flex; gap: 4px; padding-inline: 2px; vertical-align: middle; }
.dots i { inline-size: 6px; block-size: 6px; border-radius: 50%; background: currentcolor; animation: breathe 1.2s ease-in-out infinite; }
.dots i:nth-child(2) { animation-delay: 0.15s; }
.dots i:nth-child(3) { animation-delay: 0.3s; }
.latest {
  position: absolute;
  inset-block-end: 8px;
  inset-inline: 0;
  display: grid;
  place-items: center;
  inline-size: 44px;
  block-size: 44px;
  margin-inline: auto;
  padding: 0;
  border: 1px solid var(--line);
  border-radius: 50%;
  background: var(--surface);
  box-shadow: var(--shadow);
}
` +
  // What is wrong.
  `
.problem {
  --tint: var(--notice);
  position: relative;
  display: flex;
  gap: 12px;
  padding: 14px;
  border-radius: calc(var(--antiphon-radius, 12px) * 0.85);
  background: color-mix(in oklab, var(--tint) 11%, var(--surface));
  font-size: 15px;
  line-height: 22px;
}
.problem.grave { --tint: var(--danger); }
.problem > svg { margin-block-start: 1px; color: var(--tint); }
.problem .words { display: grid; gap: 6px; flex: 1; justify-items: start; min-inline-size: 0; overflow-wrap: anywhere; }
.what { font-weight: 600; }
.problem:not(.grave) .what { padding-inline-end: 32px; }
.problem .small { margin-block-start: 4px; }
.problem .icon-button { position: absolute; inset-block-start: 3px; inset-inline-end: 3px; min-inline-size: 44px; inline-size: 44px; min-block-size: 44px; block-size: 44px; }
details { inline-size: 100%; color: var(--muted); font-size: 14px; }
summary { inline-size: fit-content; min-block-size: 44px; padding-block: 11px; margin-block: -6px; border-radius: 6px; cursor: pointer; }
details code { display: block; padding-block: 4px; color: var(--text); font: 13px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
` +
  // Writing, and the menu.
  `
.composer { display: flex; gap: 8px; align-items: end; }
textarea, select {
  inline-size: 100%;
  min-inline-size: 0;
  min-block-size: 48px;
  padding: 11px 14px;
  border: 1px solid var(--edge);
  border-radius: calc(var(--antiphon-radius, 12px) * 0.85);
  background: var(--surface);
  line-height: 24px;
}
textarea { flex: 1; max-block-size: 144px; resize: none; overflow-y: auto; }
textarea::placeholder { overflow: hidden; color: var(--muted); opacity: 1; text-overflow: ellipsis; white-space: nowrap; }
textarea:focus-visible, select:focus-visible { outline-offset: -1px; }
.menu { display: grid; gap: 12px; padding: 16px; border-radius: calc(var(--antiphon-radius, 12px) * 0.85); background: color-mix(in oklab, var(--text) 4%, var(--surface)); }
.menu label { display: grid; gap: 4px; min-inline-size: 0; font-size: 14px; font-weight: 600; }
.menu select { text-overflow: ellipsis; font-weight: 400; font-size: 16px; }
.menu .hint:empty { display: none; }

@container (max-width: 420px) {
  .frame:has(.captions:not([hidden])) .status .hint { min-block-size: 40px; }
}
@container (max-width: 340px) {
  .frame { padding: 14px; gap: 12px; }
  .problem { padding: 12px; gap: 8px; }
  .problem > svg { display: none; }
  textarea { padding-inline: 10px; }
  .button { padding-inline: 10px; }
  .main { gap: 6px; padding-inline: 6px; }
  .meter { gap: 3px; }
  .log { block-size: var(--antiphon-captions-size, 208px); }
}
` +
  // Beside other buttons, words need all the room.
  `
@container (max-width: 280px) {
  .headline { font-size: 15px; }
  textarea::placeholder { font-size: 14px; }
  .icon-button:not([hidden]) ~ .main svg { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
  .meter i { transform: scaleY(0.35); background: var(--line) !important; }
  .meter i.lit { background: var(--accent) !important; }
}
@media (forced-colors: active) {
  .frame, .entry.user, .problem, .menu { border: 1px solid CanvasText; }
  .dot, .meter i, .dots i { forced-color-adjust: none; background: CanvasText !important; }
  .button, .icon-button, .latest { border-color: ButtonText !important; }
  .icon-button[aria-pressed='true'] { forced-color-adjust: none; background: Highlight; color: HighlightText; }
  [aria-disabled='true'] { color: GrayText; border-color: GrayText !important; }
  .entry s { color: GrayText; }
}
`;

/** @type {CSSStyleSheet | null} */
let made = null;

/** @returns {CSSStyleSheet} One for all elements of the page. */
export function sheet() {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync(CSS);
  }
  return made;
}
