import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useLoudspeaker, useMicrophone } from '../../../src/antiphon/web/client/audio/audio-session.js';

test('the microphone has the last word about what the system does with the sound', () => {
  const session = { type: 'auto' };
  Object.defineProperty(globalThis, 'navigator', { value: { audioSession: session }, configurable: true });
  const types = [];
  const note = (value) => (types.push(session.type), value);
  const closeLoudspeaker = note(useLoudspeaker());
  const closeMicrophone = note(useMicrophone());
  note(closeMicrophone());
  note(closeMicrophone());
  note(closeLoudspeaker());
  assert.deepEqual(types, ['playback', 'play-and-record', 'playback', 'playback', 'auto']);
});
