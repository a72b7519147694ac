// Which problems the talk page tells until they are put away.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isPassing } from '../../../src/antiphon/web/page/notices.js';
import { PROBLEMS } from '../../../src/antiphon/web/client/problems.js';

const codes = /** @type {import('../../../src/antiphon/web/client/problems.js').ProblemCode[]} */ (
  Object.keys(PROBLEMS)
);
const passing = codes.filter((code) => isPassing({ code, detail: '' }));

test('what happened is told until it is put away', () => {
  for (const code of ['conversation_lost', 'connection_lost', 'tool_failed', 'playback_blocked', 'stream_held_back'])
    assert.ok(
      passing.some((found) => found === code),
      code,
    );
});

test('a microphone that works again leaves no notice behind', () => {
  assert.deepEqual(
    passing.filter((code) => code.startsWith('microphone_') || code === 'insecure_context'),
    [],
  );
});

test('steps of the ladder and ends of conversations have their own places', () => {
  assert.ok(passing.every((code) => PROBLEMS[code] === 'notice'));
});
