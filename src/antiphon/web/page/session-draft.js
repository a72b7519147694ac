// The settings that the user chose, and what of them differs from the server's session: that is what is sent.

/** @typedef {import('../client/types.js').SessionConfig} SessionConfig */

/**
 * The parts that an update replaces as a whole: a turn detection is not merged field by field.
 */
export const PARTS = /** @type {const} */ ([
  'output_modalities',
  'instructions',
  'tools',
  'tool_choice',
  'max_output_tokens',
  'audio.input.turn_detection',
  'audio.input.noise_reduction',
  'audio.input.transcription',
  'audio.output.voice',
  'audio.output.speed',
]);

/** @typedef {typeof PARTS[number]} Part */

/** What the user chose, by part; what is not there is left to the server. @typedef {Partial<Record<Part, unknown>>} Draft */

/** @typedef {{ part: Part, from: unknown, to: unknown }} Change */

/**
 * @param {object | null} config
 * @param {Part} part
 * @returns {unknown} Undefined where it is not there.
 */
export function read(config, part) {
  /** @type {unknown} */
  let value = config;
  for (const key of part.split('.'))
    value = value === null || typeof value !== 'object' ? undefined : Reflect.get(value, key);
  return value;
}

/**
 * @param {Draft} draft
 * @param {object | null} session As the server told it; null while there is none.
 * @returns {Change[]} What a `session.update` has to say.
 */
export function changes(draft, session) {
  return PARTS.flatMap((part) => {
    if (!(part in draft)) return [];
    const [from, to] = [session === null ? undefined : read(session, part), draft[part]];
    return from !== undefined && same(from, to) ? [] : [{ part, from, to }];
  });
}

/**
 * @param {readonly Change[]} list
 * @returns {SessionConfig} The `session` of a `session.update`, without its type.
 */
export function asConfig(list) {
  /** @type {Record<string, unknown>} */
  const config = {};
  for (const { part, to } of list) put(config, part.split('.'), to);
  return config;
}

/**
 * @param {Record<string, unknown>} config
 * @param {readonly string[]} path
 * @param {unknown} value
 */
function put(config, [key = '', ...rest], value) {
  if (rest.length === 0) config[key] = value;
  else put(/** @type {Record<string, unknown>} */ (config[key] ??= {}), rest, value);
}

/**
 * @param {unknown} left
 * @param {unknown} right
 * @returns {boolean} Whether they say the same: a null field is one that is left out.
 */
export function same(left, right) {
  return JSON.stringify(plain(left)) === JSON.stringify(plain(right));
}

/**
 * @param {unknown} value
 * @returns {unknown} Keys in order, nulls left out.
 */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, plain(inner)]));
}

/**
 * @param {string | null | undefined} param Of an error event, such as `session.audio.output.speed`.
 * @returns {Part | null} The part that it is about.
 */
export function partOf(param) {
  const path = (param ?? '').replace(/^session\./, '');
  return PARTS.find((part) => path === part || path.startsWith(`${part}.`) || path.startsWith(`${part}[`)) ?? null;
}

/**
 * @param {Draft} draft
 * @param {Part} part
 * @param {unknown} value Undefined to leave it to the server.
 * @returns {Draft}
 */
export function withPart(draft, part, value) {
  const others = { ...draft };
  delete others[part];
  return value === undefined ? others : { ...others, [part]: value };
}

/**
 * @param {string} text As the user wrote it.
 * @returns {unknown[]}
 * @throws {SyntaxError} It is no JSON array.
 */
export function parseTools(text) {
  const tools = /** @type {unknown} */ (text.trim() === '' ? [] : JSON.parse(text));
  if (!Array.isArray(tools)) throw new SyntaxError('the tools are not a list');
  return tools;
}
