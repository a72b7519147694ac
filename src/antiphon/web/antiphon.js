// The client of Antiphon for browsers. It works with OpenAI directly, too.
export { AntiphonClient } from './client/client.js';
export { ProblemError, PROBLEMS } from './client/problems.js';
export { tokenFrom } from './client/token.js';
