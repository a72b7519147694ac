import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog, withoutAudio } from '../../../src/antiphon/web/client/event-log.js';

const logged = (number) => ({ at: number, direction: 'in', event: { type: 'x', number }, transport: 'webrtc' });

test('the latest events are kept, in order', () => {
  const log = new EventLog(3);
  for (let number = 0; number < 10; number += 1) {
    log.add(logged(number));
    assert.deepEqual(
      log.entries.map(({ at }) => at),
      [number - 2, number - 1, number].filter((at) => at >= 0),
    );
  }
});

test('audio is left out, and its length told', () => {
  const audio = 'A'.repeat(64);
  assert.deepEqual(withoutAudio({ type: 'input_audio_buffer.append', audio }).audio, '(48 bytes of audio)');
  assert.deepEqual(withoutAudio({ type: 'response.output_audio.delta', delta: audio, item_id: 'a' }), {
    ...{ type: 'response.output_audio.delta', delta: '(48 bytes of audio)', item_id: 'a' },
  });
  const item = { id: 'u1', content: [{ type: 'input_audio', audio, transcript: 'Hi' }] };
  assert.deepEqual(withoutAudio({ type: 'conversation.item.retrieved', item }).item, {
    ...{ id: 'u1', content: [{ type: 'input_audio', audio: '(48 bytes of audio)', transcript: 'Hi' }] },
  });
});

test('other events stay as they are', () => {
  const event = { type: 'response.output_text.delta', delta: 'A'.repeat(64) };
  assert.equal(withoutAudio(event), event);
});
