// Numbers as people read them.

/**
 * @param {number} ms
 * @param {string} lang
 * @returns {string} Seconds with two digits, such as `0.63`.
 */
export function inSeconds(ms, lang) {
  return fixed(ms / 1000, ms < 9995 ? 2 : 1, lang);
}

/**
 * @param {number} value
 * @param {number} digits
 * @param {string} lang
 */
export function fixed(value, digits, lang) {
  return new Intl.NumberFormat(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/**
 * @param {number} ms
 * @param {string} lang
 * @returns {string} Such as `1,280 ms`.
 */
export function inMs(ms, lang) {
  return `${new Intl.NumberFormat(lang, { maximumFractionDigits: 0 }).format(ms)} ms`;
}

/**
 * @param {number} ms
 * @returns {string} Minutes and seconds, such as `2:07`; hours where there are some.
 */
export function asDuration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const end = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${end}` : `${minutes}:${end}`;
}

/**
 * @param {number} at By performance.now().
 * @param {string} lang
 * @returns {string} The time of day.
 */
export function asClock(at, lang) {
  return clockOf(lang).format(performance.timeOrigin + at);
}

/**
 * @param {number} at By performance.now().
 * @returns {string} The time of day with milliseconds, such as `14:03:27.512`.
 */
export function asFineClock(at) {
  const time = new Date(performance.timeOrigin + at);
  const [hours, minutes, seconds] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const clocks = new Map();

/** @param {string} lang */
function clockOf(lang) {
  const known =
    clocks.get(lang) ?? new Intl.DateTimeFormat(lang, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
  clocks.set(lang, known);
  return known;
}

/**
 * @param {string} json
 * @returns {string} The same, a field to a line; as it is where it is no JSON.
 */
export function prettyJson(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
