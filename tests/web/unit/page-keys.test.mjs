// Where the page's client secrets come from; no key leaves for anything but minting one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '../../../src/antiphon/web/client/problems.js';
import { loadSettings, PageKeys, readSettings } from '../../../src/antiphon/web/page/keys.js';

const asked = { signal: new AbortController().signal };

function server(status, body) {
  const requests = [];
  const fetcher = async (url, options) => {
    requests.push({ url: String(url), ...options });
    if (status === 0) throw new TypeError('no route');
    return new Response(JSON.stringify(body), { status });
  };
  return { requests, fetcher };
}

const keysFor = (settings, { fetcher }) => new PageKeys(readSettings(settings), (url) => () => `from ${url}`, fetcher);
const code = (wanted) => (error) => error instanceof ProblemError && error.code === wanted;

test('where no keys are needed, the page mints its own client secret', async () => {
  const here = server(200, { value: 'ek_1' });
  const keys = keysFor({ model: 'gpt-realtime-mini' }, here);
  assert.equal(keys.missing, false);
  assert.equal(await keys.source(asked), 'ek_1');
  assert.ok(here.requests[0].url.endsWith('/v1/realtime/client_secrets'));
  assert.equal(JSON.parse(here.requests[0].body).session.model, 'gpt-realtime-mini');
});

test('where there is a token URL, it gives the client secret', async () => {
  const keys = keysFor({ keys_needed: true, token_url: '/token' }, server(500));
  assert.equal(keys.missing, false);
  assert.equal(await keys.source(asked), 'from /token');
});

test('the model is the server’s own, but the secrets of a token URL name theirs', () => {
  const named = { keys_needed: true, model: 'gpt-realtime-mini' };
  assert.equal(keysFor(named, server(500)).model, 'gpt-realtime-mini');
  assert.equal(keysFor({ ...named, token_url: '/token' }, server(500)).model, undefined);
});

test('where neither is there, the user is asked, and nothing is sent before', async () => {
  const here = server(200, { value: 'ek_1' });
  const keys = keysFor({ keys_needed: true, token_url: '' }, here);
  assert.ok(keys.missing && keys.askable);
  await assert.rejects(keys.source(asked), code('key_missing'));
  assert.equal(here.requests.length, 0);
});

test('a client secret is used as it is', async () => {
  const here = server(200, { value: 'another' });
  const keys = keysFor({ keys_needed: true }, here);
  keys.give('  ek_given ');
  assert.equal(await keys.source(asked), 'ek_given');
  assert.equal(here.requests.length, 0);
});

test('an API key mints a client secret, and only that is used', async () => {
  const here = server(200, { value: 'ek_minted' });
  const keys = keysFor({ keys_needed: true }, here);
  keys.give('sk-operator');
  assert.equal(await keys.source(asked), 'ek_minted');
  assert.equal(here.requests[0].headers.Authorization, 'Bearer sk-operator');
  assert.ok(!here.requests[0].url.includes('sk-operator'));
});

test('a refusal says who must act, and has no key in it', async () => {
  for (const [status, wanted] of [
    [401, 'key_invalid'],
    [403, 'origin_not_allowed'],
    [503, 'server_error'],
    [400, 'token_failed'],
    [0, 'server_unreachable'],
  ]) {
    const keys = keysFor({ keys_needed: true }, server(status, {}));
    keys.give('sk-operator');
    await assert.rejects(keys.source(asked), (error) => code(wanted)(error) && !String(error).includes('sk-operator'));
  }
});

test('an answer without a client secret is a failure', async () => {
  await assert.rejects(keysFor({}, server(200, { no: 'value' })).source(asked), code('token_failed'));
});

test('settings that are not told are those of a server without keys', async () => {
  const { fetcher } = server(200, { version: '2.0' });
  const settings = await loadSettings(fetcher);
  assert.deepEqual([settings.version, settings.keys_needed, settings.model], ['2.0', false, 'gpt-realtime']);
});

test('a server that does not tell its settings is a problem with a cure', async () => {
  await assert.rejects(loadSettings(server(500, {}).fetcher), code('server_error'));
});
