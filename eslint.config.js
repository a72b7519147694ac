// What `make lint` asks of JavaScript; the packages are those of tests/clients/node.
import js from '@eslint/js';
import globals from 'globals';

const worklets = ['src/antiphon/web/**/worklets/*.js'];

export default [
  { ignores: ['**/node_modules/', '.cache/', '.venv/', '**/.next/', '**/dist/'] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-console': 'error',
      'object-shorthand': 'error',
    },
  },
  {
    files: ['src/antiphon/web/**/*.js', 'tests/{browser,web}/pages/*.{js,mjs}', 'examples/**/*.js'],
    ignores: worklets,
    languageOptions: { globals: globals.browser },
  },
  { files: worklets, languageOptions: { globals: globals.audioWorklet } },
  {
    files: ['**/*.mjs', 'eslint.config.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { 'no-console': 'off' },
  },
];
