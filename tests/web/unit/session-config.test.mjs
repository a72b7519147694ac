// What the page wants of sessions: merged as the server does it, and without what it refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merged, WantedConfig } from '../../../src/antiphon/web/client/session-config.js';

const input = (more) => ({ audio: { input: more } });
const wanted = (config) => new WantedConfig(config, true, (others) => [...(others ?? [])]);
const refusal = (event_id, param) => ({ type: 'error', error: { type: '', code: null, message: '', param, event_id } });

test('another turn detection takes the place of the one before, with all of its fields', () => {
  const before = { instructions: 'Be brief.', ...input({ turn_detection: { type: 'server_vad', threshold: 0.7 } }) };
  const turn_detection = { type: 'semantic_vad', eagerness: 'low' };
  assert.deepEqual(merged(before, input({ turn_detection })), {
    instructions: 'Be brief.',
    ...input({ turn_detection }),
  });
});

test('a language that is cleared does not come back', () => {
  const before = input({ transcription: { model: 'whisper-1', language: 'de' } });
  const after = input({ transcription: { model: 'whisper-1' } });
  assert.deepEqual(merged(before, after), after);
});

test('a session, its audio, input and output are merged by field', () => {
  const before = { instructions: 'Be brief.', audio: { input: { noise_reduction: null }, output: { voice: 'ash' } } };
  assert.deepEqual(merged(before, { audio: { input: { turn_detection: null }, output: { speed: 1.2 } } }), {
    instructions: 'Be brief.',
    audio: { input: { noise_reduction: null, turn_detection: null }, output: { voice: 'ash', speed: 1.2 } },
  });
});

test('objects that only one side has stay what they are', () => {
  assert.deepEqual(merged({}, input({ turn_detection: null })), input({ turn_detection: null }));
  assert.deepEqual(merged({ audio: { input: {} } }, { prompt: { id: 'p' } }), {
    audio: { input: {} },
    prompt: { id: 'p' },
  });
});

test('what was refused is not asked of the next session, and the rest is', () => {
  const one = wanted({ instructions: 'Be brief.', audio: { output: { voice: 'nobody', speed: 1.2 } } });
  one.whole('event_1');
  one.receive(refusal('event_1', 'session.audio.output.voice'));
  const { session } = one.whole('event_2');
  assert.deepEqual(session, { type: 'realtime', instructions: 'Be brief.', audio: { output: { speed: 1.2 } } });
});

test('a field within a part takes the part with it', () => {
  const one = wanted({ tools: [{ name: '' }], ...input({ turn_detection: { type: 'server_vad', threshold: 7 } }) });
  one.whole('event_1');
  one.receive(refusal('event_1', 'session.audio.input.turn_detection.threshold'));
  one.whole('event_2');
  one.receive(refusal('event_2', 'session.tools[0].name'));
  assert.deepEqual(one.whole('event_3').session, { type: 'realtime', audio: { input: {} } });
});

test('the refusal of something else takes nothing away', () => {
  const one = wanted({ instructions: 'Be brief.' });
  one.whole('event_1');
  one.receive(refusal('event_0', 'session.instructions'));
  one.receive(refusal('event_1', null));
  assert.equal(one.whole('event_2').session.instructions, 'Be brief.');
});
