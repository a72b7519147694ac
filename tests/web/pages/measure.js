// What of a page lies where it should not: outside the window, under something else, or cut off. Shadow trees count, too.

const CONTROLS = 'button, a[href], input, select, textarea, summary, [role=tab], [tabindex="0"]';
const WORDS = 'button, a[href], summary, legend';
const SCROLLS = ['auto', 'scroll', 'hidden'];
// From the edges of a control inwards, so that round corners do not count.
const INSET_SHARE = 0.2;

function all(root = document) {
  return [...root.querySelectorAll('*')].flatMap((one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
}

/** The element and all that are around it, across shadow roots. */
function* around(element) {
  for (let one = element; one; one = one.assignedSlot ?? one.parentElement ?? one.getRootNode().host) yield one;
}

const isWithin = (one, outer) => [...around(one)].includes(outer);
const isSeen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
const isInert = (one) => [...around(one)].some(({ inert }) => inert);
const isForEyes = (one) => one.getBoundingClientRect().width > 1;

/** For the reader of a failed test. */
function told(one) {
  const words = one.getAttribute('aria-label') ?? one.textContent;
  return `${one.localName}.${one.getAttribute('class') ?? ''} "${words.trim().slice(0, 40)}"`;
}

function controls() {
  return all().filter((one) => one.matches(CONTROLS) && isSeen(one) && isForEyes(one) && !isInert(one));
}

function topmost(x, y) {
  let hit = document.elementFromPoint(x, y);
  for (let inner = hit; inner?.shadowRoot; hit = inner ?? hit) inner = inner.shadowRoot.elementFromPoint(x, y);
  return hit;
}

/** Places of a control that can be seen: those that scrolled away cannot. */
function points(one) {
  const { left, right, top, bottom, width, height } = one.getBoundingClientRect();
  const [dx, dy] = [width * INSET_SHARE, height * INSET_SHARE];
  const clips = [...around(one)].slice(1).filter((outer) => SCROLLS.includes(getComputedStyle(outer).overflowY));
  const boxes = clips.map((outer) => outer.getBoundingClientRect());
  return [left + dx, (left + right) / 2, right - dx]
    .flatMap((x) => [top + dy, (top + bottom) / 2, bottom - dy].map((y) => [x, y]))
    .filter(([x, y]) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight)
    .filter(([x, y]) => boxes.every((box) => x > box.left && x < box.right && y > box.top && y < box.bottom));
}

/** What is meant to lie over the page, or in a field: a sheet, a menu that popped up, the button at the end of a field. */
function isMeant(over, one) {
  const layer = over.closest('.inspector, .popover');
  const field = over.closest('.write-box');
  return (layer && !layer.contains(one)) || (field && field.contains(one));
}

function covered() {
  const there = controls();
  return there.flatMap((one) =>
    points(one).flatMap(([x, y]) => {
      const hit = topmost(x, y);
      const over = there.find((other) => other !== one && hit && isWithin(hit, other));
      if (!over || isWithin(over, one) || isWithin(one, over) || isMeant(over, one)) return [];
      return [`${told(one)} is under ${told(over)}`];
    }),
  );
}

function tooWide() {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? [`the page is ${scrollWidth} px wide, its window ${clientWidth} px`] : [];
}

/** A page must not be longer than what is on it. */
function tooLong() {
  const { scrollHeight } = document.documentElement;
  const end = Math.ceil(document.body.getBoundingClientRect().bottom + scrollY);
  return scrollHeight > Math.max(innerHeight, end)
    ? [`the page is ${scrollHeight} px long, and ends at ${end} px`]
    : [];
}

function outside() {
  return controls()
    .filter((one) => ![...around(one)].slice(1).some((outer) => getComputedStyle(outer).overflowX === 'auto'))
    .filter((one) => one.getBoundingClientRect().left < -1 || one.getBoundingClientRect().right > innerWidth + 1)
    .map((one) => `${told(one)} is outside the window`);
}

function cutOff() {
  return all()
    .filter((one) => one.matches(WORDS) && isSeen(one) && isForEyes(one) && one.scrollWidth > one.clientWidth + 1)
    .map((one) => `${told(one)} is ${one.scrollWidth} px wide in ${one.clientWidth} px`);
}

/** @returns {string[]} A text for each fault. */
export function measure() {
  return [...new Set([...tooWide(), ...tooLong(), ...outside(), ...covered(), ...cutOff()])];
}
