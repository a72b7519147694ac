import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { Keys, tokenFrom } from '../../../src/antiphon/web/client/token.js';

const { signal } = new AbortController();

/** A backend that gives its answers one after the other, the last one for good. */
function backend(...answers) {
  const asked = [];
  const fetch = async (url, options) => {
    asked.push({ url: String(url), ...options });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    const [status, body] = Array.isArray(answer) ? answer : [200, answer];
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  };
  return { asked, fetch };
}
const asking = (answer, options = {}) => {
  const { asked, fetch } = backend(...(Array.isArray(answer) && Array.isArray(answer[0]) ? answer : [answer]));
  return { asked, source: tokenFrom('/token', { fetch, ...options }) };
};

test('a secret may be told in four ways', async () => {
  for (const answer of [{ value: 'ek_1' }, { client_secret: { value: 'ek_1' } }, { token: 'ek_1' }, '"ek_1"']) {
    assert.equal(await asking(answer).source({ signal }), 'ek_1');
  }
});

test('the agent is named, and cookies go to the own site alone', async () => {
  const { asked, source } = asking({ value: 'ek_1' }, { agent: 'maple' });
  await source({ signal });
  assert.deepEqual(
    [asked[0].url, asked[0].method, asked[0].body, asked[0].credentials, asked[0].headers],
    ['/token', 'POST', '{"agent":"maple"}', 'same-origin', { 'Content-Type': 'application/json' }],
  );
  const plain = asking({ value: 'ek_1' });
  await plain.source({ signal });
  assert.equal(plain.asked[0].body, '{}');
});

test('a secret is kept until shortly before it runs out', async () => {
  let now = 0;
  const { asked, source } = asking({ value: 'ek_1', expires_at: 60 }, { date: () => now });
  for (const [at, requests] of [
    [0, 1],
    [49_999, 1],
    [50_000, 2],
  ]) {
    now = at;
    await source({ signal });
    assert.equal(asked.length, requests);
  }
});

test('a secret of unknown life is asked for each time, as is one that was refused', async () => {
  const unknown = asking({ value: 'ek_1' });
  await unknown.source({ signal });
  await unknown.source({ signal });
  assert.equal(unknown.asked.length, 2);
  const known = asking({ value: 'ek_1', expires_at: 60 }, { date: () => 0 });
  await known.source({ signal });
  await known.source({ signal, renew: true });
  assert.equal(known.asked.length, 2);
});

test('the model of a secret is known once it is there', async () => {
  const { source } = asking({ value: 'ek_1', session: { model: 'gpt-realtime-mini' } });
  const keys = new Keys(source);
  assert.equal(keys.model, '');
  assert.equal(await keys.get(signal), 'ek_1');
  assert.equal(keys.model, 'gpt-realtime-mini');
});

test('a refusal is told as it was seen', async () => {
  await assert.rejects(asking([[[403, 'not logged in']]][0]).source({ signal }), {
    code: 'token_failed',
    detail: 'status 403: not logged in',
  });
});

test('an answer without a secret, no JSON, and no answer are failures', async () => {
  for (const answer of [{ message: 'hello' }, '<html>', new TypeError('Failed to fetch')]) {
    await assert.rejects(tokenFrom('/token', backend(answer)).call(null, { signal }), { code: 'token_failed' });
  }
});

test('what was answered is not quoted where a secret may be in it', async () => {
  const error = await tokenFrom('/token', backend({ valeu: 'ek_secret' }))({ signal }).catch((reason) => reason);
  assert.ok(error instanceof ProblemError);
  assert.ok(!error.message.includes('ek_secret'));
});

test('keys are a string, none, or what a function returns', async () => {
  assert.equal(await new Keys('key').get(signal), 'key');
  assert.equal(await new Keys(undefined).get(signal), '');
  assert.equal(await new Keys(() => 'key').get(signal), 'key');
  assert.deepEqual([new Keys('key').renewable, new Keys(() => 'key').renewable], [false, true]);
});

test('what a function throws, or does not give, is a failure', async () => {
  const throws = () => {
    throw new Error('no');
  };
  await assert.rejects(new Keys(throws).get(signal), { code: 'token_failed', detail: 'no' });
  await assert.rejects(new Keys(() => undefined).get(signal), { code: 'token_failed' });
});

test('nobody waits for a key that is not wanted any more', async () => {
  const stop = new AbortController();
  const waiting = new Keys(() => new Promise(() => {})).get(stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, { message: 'enough' });
});
