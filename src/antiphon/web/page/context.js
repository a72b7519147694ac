// What all parts of the page are given. No code.

/**
 * @typedef {object} Context
 * @property {import('./conversation.js').Conversation} conversation
 * @property {import('./texts/index.js').Words} words
 * @property {import('./preferences.js').Preferences} preferences
 * @property {import('./keys.js').ServerSettings} settings
 */

export {};
