// Puts the talk page into each of its states, for tests and for the eye: window.app.show('speaking', { lang: 'ar', theme: 'dark' }).
import { PROBLEMS } from '/src/antiphon/web/client/problems.js';
import { createApp } from '/src/antiphon/web/page/app.js';
import { PageKeys, readSettings } from '/src/antiphon/web/page/keys.js';
import { Preferences } from '/src/antiphon/web/page/preferences.js';
import { loadWords } from '/src/antiphon/web/page/texts/index.js';

const OFF = { type: 'off', problem: null, label: '', deviceId: '', muted: false };
const ON = { type: 'on', problem: null, label: 'Headset', deviceId: 'headset', muted: false };

/** A client that is what its state says, and does nothing but tell what was asked of it. */
class StandIn extends EventTarget {
  static now = {};
  static asked = [];

  constructor(options) {
    super();
    this.options = options;
    Object.assign(
      this,
      { microphone: OFF, history: [], turns: [], session: null, log: [], state: { type: 'idle' } },
      StandIn.now,
    );
  }

  set muted(muted) {
    this.become({ microphone: { ...this.microphone, muted } });
  }

  become(changed) {
    Object.assign(this, changed);
    for (const type of ['microphone', 'session', 'turn', 'state']) this.tell(type);
    if (this.history.length > 0) this.tell('history', this.history.at(-1));
  }

  tell(type, detail = undefined) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async connect() {
    this.note('connect');
    this.become({});
    for (const problem of StandIn.now.problems ?? []) this.tell('problem', problem);
  }

  levels() {
    const at = performance.now();
    const voice = (seed) =>
      Math.max(0, Math.sin(at / 90 + seed) * Math.sin(at / 310 + seed) * Math.sin(at / 37)) ** 0.5;
    return { input: StandIn.now.loud?.input ? voice(0) : 0.02, output: StandIn.now.loud?.output ? voice(2) : 0 };
  }

  note(name, value = null) {
    StandIn.asked.push({ name, value });
  }

  disconnect() {
    this.note('disconnect');
  }

  sendText(text) {
    this.note('sendText', text);
  }

  interrupt() {
    this.note('interrupt');
  }

  send(event) {
    this.note('send', event);
  }

  updateSession(config) {
    this.note('updateSession', config);
  }

  async setMicrophone(wanted) {
    this.note('setMicrophone', wanted);
  }

  async setLoudspeaker(deviceId) {
    this.note('setLoudspeaker', deviceId);
  }
}

// --- what was said, and when ---

const ago = (seconds) => performance.now() - seconds * 1000;

function entry(i, from, text, seconds, more = {}) {
  const base = { id: `item_${i}`, from, status: 'done', text, heard: null, spoken: true, pending: false, call: null };
  return { ...base, at: ago(seconds), ...more };
}

function call(status, output, more = {}) {
  return {
    callId: 'call_1',
    name: 'book_viewing',
    arguments: '{"day":"Saturday","time":"14:00","visitors":2}',
    output,
    status,
    ...more,
  };
}

function turn(i, seconds, [speech, endpointing, stt, model, tts, playback], more = {}) {
  let at = ago(seconds);
  const span = (phase, ms) => ({ phase, begin: at, end: (at += ms) });
  const spans = [];
  if (speech) spans.push(span('speech', speech));
  if (endpointing) spans.push(span('endpointing', endpointing));
  if (stt) spans.push(span('stt', stt));
  spans.push(span('model', model), span('tts', tts), span('playback', playback));
  const responseMs = (endpointing ?? 0) + (stt ?? 0) + model + tts;
  return { id: `turn_${i}`, number: i, begun: speech ? 'voice' : 'text', spans, responseMs, status: 'done', ...more };
}

const LONG =
  'The garden is about 640 square metres. It lies behind the house, to the south-west, with two old apple trees and a covered terrace that gets the evening sun.';

const said = () => [
  entry(1, 'user', 'How many bedrooms does this property have?', 64),
  entry(2, 'assistant', 'There are 4 bedrooms.', 61),
  entry(3, 'user', 'Tell me about the garden.', 50),
  entry(4, 'assistant', LONG, 47, { status: 'cut', heard: 78 }),
  entry(5, 'user', 'Can I see it on Saturday at two? There are two of us.', 40),
  entry(6, 'tool', '', 38, { call: call('done', '{"booked":true,"with":"Ms Okafor"}') }),
  entry(7, 'assistant', 'Yes: you are booked for Saturday at two, with Ms Okafor.', 37),
  entry(8, 'user', 'Is there a garage?', 22, { spoken: false }),
  entry(9, 'assistant', 'Yes, a double garage.', 21),
];

const turns = () => [
  turn(1, 64, [2150, 500, 96, 8, 61, 1600]),
  turn(2, 50, [1480, 500, 84, 7, 58, 4300], { status: 'cut' }),
  turn(3, 40, [2900, 510, 122, 940, 66, 3400]),
  turn(4, 22, [0, 0, 0, 12, 70, 1500]),
];

const session = (more = {}) => ({
  id: 'sess_C7mQ2vX9aLdT4kEw',
  model: 'gpt-realtime',
  output_modalities: ['audio'],
  instructions: 'You guide visitors through one property.',
  tools: [],
  tool_choice: 'auto',
  max_output_tokens: 'inf',
  audio: {
    input: {
      turn_detection: {
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 500,
        idle_timeout_ms: null,
        create_response: true,
        interrupt_response: true,
      },
      noise_reduction: null,
      transcription: { model: 'gpt-4o-mini-transcribe', language: null, prompt: null },
    },
    output: { voice: 'alloy', speed: 1 },
  },
  ...more,
});

const problem = (code, detail = '') => ({ code, detail });
const attempt = (transport, outcome, code = null, seconds = 0.4, detail = '') => ({
  transport,
  outcome,
  problem: code && problem(code, detail),
  get began() {
    return ago(66);
  },
  seconds,
});

const direct = [attempt('webrtc', 'connected', null, 0.31)];
const detour = [
  attempt('webrtc', 'failed', 'webrtc_blocked', 8.0),
  attempt('websocket', 'failed', 'websocket_blocked', 0.2),
  attempt('http', 'connected', null, 0.09),
];
const on = (activity, transport = 'webrtc', attempts = direct) => ({
  type: 'connected',
  transport,
  activity,
  attempts,
});
const talk = (more = {}) => ({
  state: on('listening'),
  microphone: ON,
  history: said(),
  turns: turns(),
  session: session(),
  log: log(24),
  ...more,
});

const TYPES = [
  'session.created',
  'antiphon.session.resumable',
  'session.updated',
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'input_audio_buffer.committed',
  'conversation.item.created',
  'conversation.item.input_audio_transcription.completed',
  'response.created',
  'response.output_audio_transcript.delta',
  'output_audio_buffer.started',
  'response.output_audio.done',
  'response.done',
  'output_audio_buffer.stopped',
];

function log(count) {
  return Array.from({ length: count }, (_, i) => {
    const type = i % 17 === 2 ? 'session.update' : i % 23 === 9 ? 'error' : TYPES[i % TYPES.length];
    const event = {
      type,
      event_id: `event_${1000 + i}`,
      item_id: `item_${i}`,
      audio_start_ms: i * 120,
      ...(type === 'error' ? { error: { code: 'invalid_value', message: 'no such voice' } } : {}),
    };
    return { at: ago(64) + i * 30, direction: type === 'session.update' ? 'out' : 'in', event, transport: 'webrtc' };
  });
}

// --- the states ---

const needsKey = { keys_needed: true };
const panel = (index) => (app) => {
  app.inspector.choose(index);
  app.inspector.toggle(true);
};
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const press = (selector) => () => document.querySelector(selector).click();
const checked = (...found) => ({ check: found, after: [panel(3), press('.check-panel .button')] });
const result = (name, outcome, value = null, unit = null, code = null) => ({
  name,
  outcome,
  value,
  unit,
  problem: code && problem(code),
});

const GOOD = [
  result('microphone', 'ok', 'Headset'),
  result('sample_rate', 'ok', 48000, 'Hz'),
  result('processing', 'ok', 'echoCancellation noiseSuppression autoGainControl'),
  result('level', 'ok', 0.62),
  result('loudspeaker', 'ok', true),
  result('server', 'ok', 'http://127.0.0.1:8080/v1'),
  result('round_trip', 'ok', 3, 'ms'),
  result('websocket', 'ok', 41, 'ms'),
  result('webrtc', 'ok', 312, 'ms'),
];
const BAD = [
  result('microphone', 'ok', 'AirPods'),
  result('sample_rate', 'warning', 8000, 'Hz'),
  result('processing', 'warning', ''),
  result('level', 'failed', 0, null, 'microphone_silent'),
  result('loudspeaker', 'warning', null),
  result('server', 'ok', 'https://voice.example/v1'),
  result('round_trip', 'warning', 480, 'ms'),
  result('websocket', 'failed', null, null, 'websocket_blocked'),
  result('webrtc', 'skipped'),
];

/** Each state by its name: what the client is, what the server told, what is pressed then. Made anew each time: clocks go on. */
const states = () => ({
  welcome: { client: null },
  key: { client: null, settings: needsKey },
  'key-wrong': {
    client: { state: { type: 'closed', problem: problem('key_invalid'), attempts: [] } },
    settings: needsKey,
    key: 'ek_old',
  },
  asking: {
    client: { state: { type: 'connecting', transport: null, attempts: [] }, microphone: { ...OFF, type: 'asking' } },
  },
  connecting: {
    client: {
      state: {
        type: 'connecting',
        transport: 'websocket',
        attempts: [attempt('webrtc', 'failed', 'webrtc_blocked', 8.0), attempt('websocket', 'connecting', null, 0.4)],
      },
    },
  },
  connected: { client: talk({ history: [], turns: [] }) },
  listening: { client: talk() },
  hearing: {
    client: talk({
      state: on('hearing'),
      loud: { input: true },
      history: [...said(), entry(20, 'user', '', 1, { pending: true, status: 'growing' })],
    }),
  },
  thinking: {
    client: talk({
      state: on('thinking'),
      history: [...said(), entry(20, 'user', 'How far is it to the station?', 2)],
    }),
  },
  speaking: {
    client: talk({
      state: on('speaking'),
      loud: { output: true },
      history: [
        ...said(),
        entry(20, 'user', 'How far is it to the station?', 3),
        entry(21, 'assistant', 'Oakfield Central is 1.2 kilometres', 1, { status: 'growing' }),
      ],
    }),
  },
  muted: { client: talk({ microphone: { ...ON, muted: true } }) },
  text: {
    client: talk({
      microphone: OFF,
      state: on('listening', 'text', [
        ...detour.slice(0, 2),
        attempt('http', 'failed', 'http_blocked', 5),
        attempt('text', 'connected', null, 0.1),
      ]),
    }),
  },
  hold: {
    client: talk({
      microphone: { ...ON, muted: true },
      session: session({ audio: { input: { turn_detection: null }, output: {} } }),
    }),
  },
  tools: {
    client: talk({
      history: [
        ...said().slice(0, 5),
        entry(6, 'tool', '', 30, { call: call('elsewhere', null) }),
        entry(7, 'tool', '', 29, { call: call('running', null, { name: 'find_agent' }) }),
        entry(8, 'tool', '', 28, {
          call: call('failed', 'Error: the calendar does not answer', { name: 'read_calendar' }),
        }),
      ],
    }),
    after: [press('.tool-card[data-status=failed] summary')],
  },
  'microphone-denied': {
    client: talk({
      history: [],
      turns: [],
      microphone: { ...OFF, type: 'failed', problem: problem('microphone_denied', 'NotAllowedError') },
    }),
  },
  'microphone-muted': { client: talk({ microphone: { ...ON, problem: problem('microphone_muted') } }) },
  insecure: {
    client: talk({
      history: [],
      turns: [],
      microphone: { ...OFF, type: 'failed', problem: problem('insecure_context') },
    }),
  },
  reconnecting: {
    client: talk({
      state: {
        type: 'reconnecting',
        transport: 'websocket',
        problem: problem('connection_lost', 'websocket closed with 1006'),
        attempts: detour,
      },
    }),
  },
  lost: {
    client: talk({ problems: [problem('conversation_lost'), problem('tool_failed', 'book_viewing: TypeError')] }),
  },
  closed: { client: talk({ state: { type: 'closed', problem: null, attempts: direct }, microphone: OFF }) },
  expired: {
    client: talk({ state: { type: 'closed', problem: problem('session_expired'), attempts: direct }, microphone: OFF }),
  },
  unreachable: {
    client: {
      state: {
        type: 'closed',
        problem: problem('server_unreachable', 'TypeError: Failed to fetch'),
        attempts: [attempt('webrtc', 'failed', 'server_unreachable', 0.1)],
      },
    },
  },
  transport: { client: talk({ state: on('listening', 'http', detour) }), after: [press('.badge')] },
  turn: { client: talk(), after: [panel(0)] },
  'turn-empty': { client: talk({ history: [], turns: [] }), after: [panel(0)] },
  events: { client: talk({ log: log(2000) }), after: [panel(1)] },
  event: {
    client: talk({ log: log(2000) }),
    after: [
      panel(1),
      frame,
      frame,
      () =>
        document
          .querySelector('.virtual-row:nth-child(9)')
          .dispatchEvent(new PointerEvent('pointerdown', { bubbles: true })),
    ],
  },
  'events-empty': { client: null, after: [panel(1)] },
  settings: { client: talk(), after: [panel(2)] },
  'settings-changed': {
    client: talk(),
    draft: {
      'audio.output.voice': 'marin',
      'audio.output.speed': 1.2,
      'audio.input.turn_detection': {
        type: 'semantic_vad',
        eagerness: 'low',
        create_response: true,
        interrupt_response: true,
      },
    },
    after: [panel(2), press('.preview summary')],
  },
  'settings-refused': {
    client: talk(),
    draft: { 'audio.output.voice': 'nobody' },
    after: [
      panel(2),
      () =>
        window.app.client.tell('event', {
          type: 'error',
          error: { param: 'session.audio.output.voice', message: 'there is no voice "nobody"' },
        }),
    ],
  },
  check: { client: null, after: [panel(3)] },
  'check-running': { client: null, ...checked(...GOOD.slice(0, 3), 'stay') },
  'check-good': { client: null, ...checked(...GOOD) },
  'check-bad': { client: null, ...checked(...BAD) },
});

const DEFAULT = 'welcome';

/**
 * @param {string} name One of window.app.states.
 * @param {{ theme?: 'light' | 'dark', lang?: string }} [options]
 */
async function show(name, { theme = 'light', lang = 'en' } = {}) {
  const state = states()[name] ?? { client: talk({ problems: [problem(name.replace('problem-', ''))] }) };
  window.app.current?.close();
  StandIn.now = state.client ?? {};
  StandIn.asked = [];
  const preferences = new Preferences(null);
  preferences.choose({ theme, ...(state.draft ? { draft: state.draft } : {}) });
  const settings = readSettings({
    version: '1.0',
    agent: { name: 'maple', description: '', questions: [] },
    ...state.settings,
  });
  const keys = new PageKeys(settings, () => () => 'ek_none');
  if (state.key) keys.give(state.key);
  class Client extends StandIn {
    constructor(options) {
      super(options);
      window.app.client = this;
    }
  }
  const app = createApp(document.getElementById('app'), {
    Client,
    settings,
    keys,
    preferences,
    words: await loadWords(lang, lang),
    check: () => check(state.check ?? []),
  });
  window.app.current = app;
  if (state.client) await app.conversation.begin();
  for (const step of state.after ?? []) await step(app);
  await frame();
  await frame();
}

async function* check(results) {
  for (const found of results) {
    if (found === 'stay') await new Promise(() => undefined);
    else yield found;
  }
}

window.app = {
  show,
  states: Object.keys(states()),
  problems: Object.keys(PROBLEMS).map((code) => `problem-${code}`),
  get asked() {
    return StandIn.asked;
  },
};
await show(DEFAULT);
document.documentElement.dataset.ready = '';
