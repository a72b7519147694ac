import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, conversationQuery } from '../../../src/antiphon/web/client/transports/requests.js';
import { Caller, FakeBrowser, refusal } from './transports-fakes.mjs';

const RESUME = { token: 'SECRET', lastEventId: 'event_9' };

function api(given = {}) {
  const browser = new FakeBrowser();
  const caller = new Caller();
  const request = caller.request(given);
  const ask = (path, asked = {}) => new Api(request, browser).ask(path, { signal: request.signal, ...asked });
  return { browser, caller, ask };
}

test('the key goes along as a header, and never in an address', async () => {
  const { browser, ask } = api();
  browser.answer = () => new Response('{}');
  await ask('/models', { query: { wait: '20' } });
  assert.equal(browser.asked[0].headers.Authorization, 'Bearer ek_1');
  assert.equal(browser.asked[0].url.href, 'https://voice.example/v1/models?wait=20');
});

test('without a key there is no header for one', async () => {
  const { browser, ask } = api({ key: '' });
  browser.answer = () => new Response('{}');
  await ask('/models');
  assert.deepEqual(browser.asked[0].headers, {});
});

test('a refusal is a problem with the words of the server', async () => {
  const { browser, ask } = api();
  browser.answer = () => refusal(401, 'invalid_api_key', 'Incorrect API key provided.');
  await assert.rejects(ask('/models'), { code: 'key_invalid', detail: /Incorrect API key provided/ });
});

test('a refusal that is no JSON is one all the same', async () => {
  const { browser, ask } = api();
  browser.answer = () => new Response('<html>', { status: 403 });
  await assert.rejects(ask('/models'), { code: 'request_refused' });
});

test('what fails without a network is told apart from a server that is not there', async () => {
  const { browser, ask } = api();
  await assert.rejects(ask('/models'), { code: 'server_unreachable', detail: /CORS/ });
  browser.navigator.onLine = false;
  await assert.rejects(ask('/models'), { code: 'offline' });
});

test('a server that answers, but not to this page, does not allow its origin', async () => {
  const { browser, ask } = api();
  browser.answer = ({ mode }) => {
    if (mode === 'no-cors') return new Response();
    throw new TypeError('Failed to fetch');
  };
  await assert.rejects(ask('/models'), { code: 'origin_not_allowed', detail: /https:\/\/page\.example/ });
});

test('who was let in before is not told that its origin is not allowed', async () => {
  const { browser, ask } = api({ resume: RESUME });
  browser.answer = ({ mode }) => {
    if (mode === 'no-cors') return new Response();
    throw new TypeError('Failed to fetch');
  };
  await assert.rejects(ask('/models'), { code: 'server_unreachable' });
});

test('a problem never has the token in it', async () => {
  const { ask } = api({ resume: RESUME });
  await assert.rejects(
    ask('/realtime/events', { query: { resume: 'SECRET' } }),
    ({ detail }) => !detail.includes('SECRET'),
  );
});

test('who aborts gets its own reason', async () => {
  const { browser, caller, ask } = api();
  browser.answer = () => new Promise(() => {});
  const asking = ask('/models');
  const reason = new Error('not wanted');
  caller.abort(reason);
  await assert.rejects(asking, (error) => error === reason);
});

test('a conversation is begun with a model, and gone on with by its token', () => {
  const request = new Caller().request();
  assert.deepEqual(conversationQuery(request), { model: 'gpt-realtime', antiphon_events: 'true' });
  const openai = { ...request, server: { url: 'https://api.openai.com/v1', kind: 'openai' } };
  assert.deepEqual(conversationQuery(openai), { model: 'gpt-realtime' });
  assert.deepEqual(conversationQuery({ ...request, resume: RESUME }), { resume: 'SECRET', last_event_id: 'event_9' });
  const fresh = { ...request, resume: { token: 'SECRET', lastEventId: null } };
  assert.deepEqual(conversationQuery(fresh), { resume: 'SECRET' });
});
