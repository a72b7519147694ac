// Ids of what the client itself creates. The API takes at most 32 characters.

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 21;

/**
 * Return a new id, such as `item_4aK…`.
 *
 * @param {string} prefix
 */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH));
  return prefix + Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
}
