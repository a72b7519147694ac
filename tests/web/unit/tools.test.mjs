import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tools } from '../../../src/antiphon/web/client/tools.js';
import { settle } from './virtual-clock.mjs';

const call = (call_id, name = 'add', given = '{"a":1,"b":2}', status = 'completed') => ({
  ...{ id: `item_${call_id}`, type: 'function_call', call_id, name, arguments: given, status },
});
const itemDone = (item) => ({ type: 'response.output_item.done', response_id: 'r1', item });
const responseDone = (output, status = 'completed') => ({
  type: 'response.done',
  response: { id: 'r1', status, output },
});
const answer = (call_id, id = 'by_other') => ({
  type: 'conversation.item.added',
  item: { id, type: 'function_call_output', call_id, output: 'x' },
});
const tool = (name, execute) => ({ name, description: `Does ${name}.`, parameters: { type: 'object' }, execute });

/** A page's tools, and all that they do. */
function page(...tools) {
  const seen = { added: [], asked: [], calls: [], failures: [] };
  let ids = 0;
  seen.tools = new Tools(tools, {
    add: (item) => seen.added.push(item),
    ask: (itemId) => seen.asked.push(itemId),
    onCall: ({ callId, status, output }) => seen.calls.push([callId, status, output]),
    onFailure: (name, error) => seen.failures.push([name, error.message]),
    newId: (prefix) => `${prefix}${(ids += 1)}`,
  });
  seen.receive = async (...events) => {
    for (const event of events) seen.tools.receive(event);
    await settle();
  };
  return seen;
}
const adds = tool('add', ({ a, b }) => ({ sum: a + b }));

test('a call is run with its arguments, and its result goes to the model, which is asked to go on', async () => {
  const seen = page(adds);
  await seen.receive(itemDone(call('c1')));
  assert.deepEqual(seen.added, [{ id: 'item_1', type: 'function_call_output', call_id: 'c1', output: '{"sum":3}' }]);
  assert.deepEqual(seen.asked, []);
  await seen.receive(responseDone([call('c1')]));
  assert.deepEqual(seen.asked, ['item_1']);
  assert.deepEqual(seen.calls, [
    ['c1', 'running', null],
    ['c1', 'done', '{"sum":3}'],
  ]);
});

test('the model goes on once, when all calls of its response are answered', async () => {
  const open = {};
  const seen = page(tool('wait', (_, { callId }) => new Promise((resolve) => (open[callId] = resolve))));
  const calls = [call('c1', 'wait'), call('c2', 'wait')];
  await seen.receive(...calls.map(itemDone), responseDone(calls));
  open.c2('two');
  await settle();
  assert.deepEqual(seen.asked, []);
  open.c1('one');
  await settle();
  assert.deepEqual(
    seen.added.map(({ call_id, output }) => [call_id, output]),
    [
      ['c2', 'two'],
      ['c1', 'one'],
    ],
  );
  assert.deepEqual(seen.asked, ['item_2']);
});

test('calls whose own event was missed are found in the response', async () => {
  const seen = page(adds);
  await seen.receive(responseDone([call('c1')]));
  assert.equal(seen.added.length, 1);
  assert.deepEqual(seen.asked, ['item_1']);
});

test('what is told again is not run again', async () => {
  const seen = page(adds);
  const events = [itemDone(call('c1')), responseDone([call('c1')])];
  await seen.receive(...events, ...events);
  await seen.receive(...events);
  assert.equal(seen.added.length, 1);
});

test('a call that somebody has answered is not run', async () => {
  const seen = page(adds);
  await seen.receive(answer('c1'), itemDone(call('c1')));
  assert.deepEqual(seen.added, []);
});

test("tools that are not the page's are left to others", async () => {
  const seen = page(adds);
  const other = call('c1', 'book_flight');
  await seen.receive(itemDone(other), responseDone([other]), answer('c1'));
  assert.deepEqual(seen.calls, [['c1', 'elsewhere', null]]);
  assert.deepEqual([seen.added, seen.asked], [[], []]);
});

test('where others have calls in the same response, their results are waited for', async () => {
  const seen = page(adds);
  const calls = [call('c1'), call('c2', 'book_flight')];
  await seen.receive(...calls.map(itemDone), responseDone(calls));
  assert.deepEqual(seen.asked, []);
  await seen.receive(answer('c2', 'item_of_other'));
  assert.deepEqual(seen.asked, ['item_of_other']);
});

test('arguments that are no JSON are told to the model', async () => {
  const seen = page(adds);
  await seen.receive(itemDone(call('c1', 'add', '{"a":')));
  assert.match(JSON.parse(seen.added[0].output).error, /^the arguments are no JSON/);
  assert.equal(seen.calls.at(-1)[1], 'failed');
  assert.equal(seen.failures[0][0], 'add');
});

test('no arguments are an empty object', async () => {
  const seen = page(tool('show', (given) => given));
  await seen.receive(itemDone(call('c1', 'show', '')));
  assert.equal(seen.added[0].output, '{}');
});

test('what a tool throws is told to the model', async () => {
  const broken = tool('add', async () => {
    throw new Error('no such city');
  });
  const seen = page(broken);
  await seen.receive(itemDone(call('c1')));
  assert.equal(seen.added[0].output, '{"error":"no such city"}');
  assert.deepEqual(seen.failures, [['add', 'no such city']]);
});

test('results are text: strings as they are, nothing as null, too much as an error', async () => {
  for (const [result, output] of [
    ['hello', 'hello'],
    [undefined, 'null'],
    [[1], '[1]'],
  ]) {
    const seen = page(tool('add', () => result));
    await seen.receive(itemDone(call('c1')));
    assert.equal(seen.added[0].output, output);
  }
  const seen = page(tool('add', () => 'x'.repeat(300_000)));
  await seen.receive(itemDone(call('c1')));
  assert.match(seen.added[0].output, /300000 bytes/);
});

test('a call that was broken off is not run', async () => {
  const seen = page(adds);
  const half = call('c1', 'add', '{"a":', 'incomplete');
  await seen.receive(itemDone(half), responseDone([half], 'cancelled'));
  assert.deepEqual([seen.calls, seen.added], [[], []]);
});

test('an interrupted response is answered by nobody, but its results are told', async () => {
  const seen = page(adds);
  await seen.receive(itemDone(call('c1')), responseDone([call('c1')], 'cancelled'));
  assert.equal(seen.added.length, 1);
  assert.deepEqual(seen.asked, []);
});

test('at the end running tools are told so, and say nothing any more', async () => {
  let given;
  const seen = page(
    tool('wait', (_, { signal }) => {
      given = signal;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }),
  );
  await seen.receive(itemDone(call('c1', 'wait')));
  seen.tools.close();
  await settle();
  assert.ok(given.aborted);
  assert.deepEqual([seen.added, seen.failures], [[], []]);
});

test("the page's own tools are declared with those of its configuration, and come first", () => {
  const seen = page(adds);
  const others = [
    { type: 'function', name: 'add', description: 'another' },
    { type: 'mcp', server_label: 'docs' },
  ];
  assert.deepEqual(seen.tools.declared(others), [
    { type: 'function', name: 'add', description: 'Does add.', parameters: { type: 'object' } },
    { type: 'mcp', server_label: 'docs' },
  ]);
});

test('what runs when the session is lost has no say in the next one', async () => {
  const open = [];
  const signals = [];
  const slow = tool('slow', (_, { signal }) => {
    signals.push(signal);
    return new Promise((resolve) => open.push(resolve));
  });
  const seen = page(slow);
  await seen.receive(itemDone(call('c1', 'slow')), responseDone([call('c1', 'slow')]));
  seen.tools.forget();
  assert.ok(signals[0].aborted);
  assert.deepEqual(seen.calls.at(-1), ['c1', 'failed', null]);
  open[0]('too late');
  await settle();
  assert.deepEqual([seen.added, seen.asked, seen.failures], [[], [], []]);
});

test('the next session has its tools', async () => {
  const seen = page(adds);
  seen.tools.forget();
  await seen.receive(itemDone(call('c2')), responseDone([call('c2')]));
  assert.deepEqual([seen.added.length, seen.asked], [1, ['item_1']]);
});

test('a result that somebody else gives late to a lost call asks for nothing', async () => {
  const seen = page(tool('slow', () => new Promise(() => {})));
  await seen.receive(itemDone(call('c1', 'slow')), responseDone([call('c1', 'slow')]));
  seen.tools.forget();
  await seen.receive(answer('c1'));
  assert.deepEqual(seen.asked, []);
});
