import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Asking, Outbox } from '../../../src/antiphon/web/client/outbox.js';

const created = (conversation_id = 'conv') => ({ type: 'response.created', response: { id: 'r', conversation_id } });
const added = (id) => ({ type: 'conversation.item.added', item: { id } });
const refused = (code, event_id) => ({ type: 'error', error: { code, event_id } });
const item = (id) => ({ id, type: 'message', role: 'user', content: [] });

/** One who asks, and a server that `may` be asked. */
function asker({ may = true } = {}) {
  const seen = { may, sent: [] };
  let ids = 0;
  const newId = (prefix) => `${prefix}${(ids += 1)}`;
  const send = (event) => seen.sent.push(event);
  seen.outbox = new Outbox({ send, newId });
  seen.asking = new Asking({ send, newId, mayAsk: () => seen.may, isThere: (id) => !seen.outbox.awaits(id) });
  seen.receive = (event) => {
    seen.outbox.receive(event);
    seen.asking.receive(event);
  };
  seen.asks = () => seen.sent.filter(({ type }) => type === 'response.create').length;
  return seen;
}

test('an answer is asked for at once where none is running', () => {
  const seen = asker();
  seen.outbox.add(item('u1'));
  seen.asking.ask('u1');
  assert.deepEqual(
    seen.sent.map(({ type }) => type),
    ['conversation.item.create', 'response.create'],
  );
});

test('while an answer runs or is to come, it is waited for', () => {
  const seen = asker({ may: false });
  seen.asking.ask('u1');
  assert.equal(seen.asks(), 0);
  seen.may = true;
  seen.receive({ type: 'response.done', response: { id: 'r' } });
  assert.equal(seen.asks(), 1);
});

test('several wishes are one', () => {
  const seen = asker({ may: false });
  for (const id of ['a', 'b']) seen.asking.ask(id);
  seen.may = true;
  seen.receive({ type: 'rate_limits.updated' });
  seen.receive({ type: 'rate_limits.updated' });
  assert.equal(seen.asks(), 1);
});

test('an answer that begins by itself behind the item is the one that was wanted', () => {
  const seen = asker({ may: false });
  seen.outbox.add(item('u1'));
  seen.asking.ask('u1');
  seen.receive(added('u1'));
  seen.receive(created());
  seen.may = true;
  seen.receive({ type: 'response.done', response: { id: 'r' } });
  assert.equal(seen.asks(), 0);
});

test('an answer that began before the item was there is another one', () => {
  const seen = asker({ may: false });
  seen.outbox.add(item('u1'));
  seen.asking.ask('u1');
  seen.receive(created());
  seen.receive(added('u1'));
  seen.may = true;
  seen.receive({ type: 'response.done', response: { id: 'r' } });
  assert.equal(seen.asks(), 1);
});

test('an answer outside of the conversation is none', () => {
  const seen = asker({ may: false });
  seen.asking.ask('u1');
  seen.receive(created(null));
  seen.may = true;
  seen.receive({ type: 'rate_limits.updated' });
  assert.equal(seen.asks(), 1);
});

test('who asked too early asks again', () => {
  const seen = asker();
  seen.asking.ask('u1');
  seen.receive(created()); // it had begun before
  seen.may = false;
  seen.receive(refused('conversation_already_has_active_response', seen.sent[0].event_id));
  seen.may = true;
  seen.receive({ type: 'response.done', response: { id: 'r' } });
  assert.equal(seen.asks(), 2);
});

test('a question that may have been lost is asked again, unless it was answered', () => {
  const seen = asker();
  seen.asking.ask('u1');
  seen.asking.askAgain();
  assert.equal(seen.asks(), 2);
  seen.receive(created());
  seen.asking.askAgain();
  assert.equal(seen.asks(), 2);
});

test('items that were not confirmed are sent again, with their ids, and others are not', () => {
  const seen = asker();
  seen.outbox.add(item('u1'), { previous: 'root' });
  seen.outbox.add(item('u2'));
  seen.receive(added('u1'));
  seen.outbox.sendAgain();
  assert.deepEqual(
    seen.sent.map((event) => event.item.id),
    ['u1', 'u2', 'u2'],
  );
  assert.equal(seen.sent[0].previous_item_id, 'root');
});

test('an item that is refused is not sent again, nor one that breaks connections', () => {
  const seen = asker();
  seen.outbox.add(item('u1'), { eventId: 'event_x' });
  seen.receive(refused('invalid_value', 'event_x'));
  seen.outbox.add(item('u2'));
  for (let count = 0; count < 9; count += 1) seen.outbox.sendAgain();
  assert.deepEqual(
    seen.sent.map((event) => event.item.id),
    ['u1', 'u2', 'u2', 'u2'],
  );
});

test('what is carried into another session is sent there, and nothing else', () => {
  const seen = asker();
  seen.outbox.add(item('left'));
  seen.sent.length = 0;
  seen.outbox.carry([item('u1'), item('u2')]);
  assert.deepEqual(
    seen.sent.map((event) => event.item.id),
    ['u1', 'u2'],
  );
  assert.deepEqual([seen.outbox.awaits('left'), seen.outbox.awaits('u1')], [false, true]);
});

test('an item that no session lives to confirm is let go', () => {
  const seen = asker();
  for (let sessions = 0; sessions < 10; sessions += 1) {
    seen.outbox.carry([item('fine'), item('poison')]);
    seen.receive(added('fine'));
  }
  const times = (id) => seen.sent.filter((event) => event.item.id === id).length;
  assert.deepEqual([times('poison'), times('fine')], [3, 10]);
});

test('what stands behind such an item is not let go with it', () => {
  const seen = asker();
  for (let sessions = 0; sessions < 4; sessions += 1) seen.outbox.carry([item('poison'), item('behind')]);
  assert.deepEqual([seen.outbox.awaits('poison'), seen.outbox.awaits('behind')], [false, true]);
});
