import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LADDER } from '../../../src/antiphon/web/client/server.js';
import { CONNECT, loadSteps } from '../../../src/antiphon/web/client/steps.js';
import { Caller } from './transports-fakes.mjs';

test('there is code for each step of the ladder', async () => {
  assert.deepEqual(Object.keys(CONNECT), [...LADDER]);
  await loadSteps(LADDER);
});

test('a step that is loaded when it is wanted connects as it is asked to', async () => {
  const request = new Caller().request({ server: { url: 'https://api.openai.com/v1', kind: 'openai' } });
  for (const name of ['http', 'text']) await assert.rejects(CONNECT[name](request), { code: 'not_offered' });
});

test('who gave up while the code was loaded gets no connection', async () => {
  const caller = new Caller();
  const connecting = CONNECT.websocket(caller.request());
  caller.abort(new Error('too late'));
  await assert.rejects(connecting, /too late/);
});
