// Puts the element into each of its states, for tests and for the eye: window.app.show('speaking', { lang: 'ar', theme: 'dark' }).
import '/src/antiphon/web/antiphon-voice.js';
import { PROBLEMS } from '/src/antiphon/web/client/problems.js';
import { FakeClient } from './fake-client.js';

const ON = { type: 'on', problem: null, label: 'Headset', deviceId: 'headset', muted: false };

const SAID = [
  ['user', 'Good evening. How many bedrooms does this property have?'],
  ['assistant', 'It has four bedrooms: the largest one looks out on the garden, and two of them share a bathroom.'],
  ['user', 'And is there room for two cars?'],
  ['assistant', 'Yes. The garage takes one, and there is a covered place beside it.'],
];

function entry(i, from, text, more = {}) {
  return {
    id: `item_${i}`,
    from,
    status: 'done',
    text,
    heard: null,
    spoken: true,
    pending: false,
    call: null,
    at: i,
    ...more,
  };
}

const conversation = SAID.map(([from, text], i) => entry(i, from, text));

function connected(activity, transport = 'webrtc') {
  return { type: 'connected', transport, activity, attempts: [] };
}

function told(code, detail = '') {
  return { code, detail };
}

function attempt(transport, outcome, code = null) {
  return { transport, outcome, problem: code && told(code), began: 0, seconds: 4 };
}

function call(status, name) {
  return { callId: 'call_1', name, arguments: '{"street":"Maple"}', output: null, status };
}

const LONG = 'The garden runs down to the stream, with old apple trees on both sides. '.repeat(7).trim();
const CUT =
  'There are three schools within a mile. The nearest one is on Maple Street, and it takes children from the age of five.';

const STATES = {
  idle: {},
  asking: { state: { type: 'connecting', transport: null, attempts: [] }, microphone: { type: 'asking' } },
  connecting: { state: { type: 'connecting', transport: 'webrtc', attempts: [] }, microphone: ON },
  connecting_after_failure: {
    state: {
      type: 'connecting',
      transport: 'websocket',
      attempts: [attempt('webrtc', 'failed', 'webrtc_blocked'), attempt('websocket', 'connecting')],
    },
    microphone: ON,
  },
  listening: { state: connected('listening'), microphone: ON },
  hearing: {
    state: connected('hearing'),
    microphone: ON,
    history: [...conversation, entry(9, 'user', '', { status: 'growing', pending: true })],
  },
  thinking: { state: connected('thinking'), microphone: ON, history: conversation.slice(0, 3) },
  speaking: {
    state: connected('speaking'),
    microphone: ON,
    history: [
      ...conversation,
      entry(8, 'user', 'What is the garden like?'),
      entry(9, 'assistant', LONG, { status: 'growing' }),
    ],
  },
  cut_off: {
    state: connected('listening'),
    microphone: ON,
    history: [...conversation.slice(0, 1), entry(9, 'assistant', CUT, { status: 'cut', heard: 39 })],
  },
  tool_call: {
    state: connected('thinking'),
    microphone: ON,
    history: [
      ...conversation.slice(0, 1),
      entry(5, 'tool', '', { call: call('done', 'find_schools') }),
      entry(6, 'tool', '', { call: call('elsewhere', 'look_up_price') }),
      entry(7, 'tool', '', { call: call('failed', 'open_map') }),
      entry(8, 'tool', '', { call: call('running', 'book_a_visit') }),
    ],
  },
  muted: { state: connected('listening'), microphone: { ...ON, muted: true }, history: conversation.slice(0, 2) },
  text_only: {
    state: connected('listening', 'text'),
    mode: 'text',
    history: conversation.slice(0, 2).map((one) => ({ ...one, spoken: false })),
  },
  text_idle: { mode: 'text' },
  without_microphone: {
    state: connected('listening'),
    microphone: { type: 'failed', problem: told('microphone_denied') },
    history: conversation.slice(0, 2),
  },
  reconnecting: {
    state: { type: 'reconnecting', transport: 'websocket', problem: told('connection_lost'), attempts: [] },
    microphone: ON,
    history: conversation,
  },
  closed: { state: { type: 'closed', problem: null, attempts: [] }, history: conversation },
  ...Object.fromEntries(
    Object.entries(PROBLEMS).map(([code, weight]) => [`problem_${code}`, problemState(code, weight)]),
  ),
};

function problemState(code, weight) {
  const problem = told(code, 'status 403: what the server said');
  const there = { state: connected('listening'), history: conversation.slice(0, 2) };
  if (code.startsWith('microphone_') || weight === 'voice') {
    return { ...there, microphone: { ...ON, type: weight === 'voice' ? 'failed' : 'on', problem } };
  }
  if (weight === 'notice') return { ...there, microphone: ON, problem };
  return { state: { type: 'closed', problem, attempts: [] }, problem };
}

const main = document.querySelector('main');
const asked = [];

/** Replace the element by one in the named state; with `attributes`, these are set on it. */
async function show(name, { lang = 'en', theme = 'light', attributes = {} } = {}) {
  const { mode = 'voice', ...where } = STATES[name];
  document.body.className = theme;
  const element = document.createElement('antiphon-voice');
  for (const [key, value] of Object.entries({ lang, theme, mode, ...attributes })) element.setAttribute(key, value);
  const client = new FakeClient();
  element.clientFactory = (options) => Object.assign(client, { options });
  main.querySelector('antiphon-voice').replaceWith(element);
  await shown(element);
  if (where.state) await element.start();
  client.put(where);
  return { element, client };
}

/** Wait until the element has its words. */
async function shown(element) {
  while (element.shadowRoot.querySelector('[part=frame]').hidden) await new Promise(requestAnimationFrame);
}

const EVENTS = ['antiphon-state', 'antiphon-entry', 'antiphon-problem', 'antiphon-tool'];
for (const type of EVENTS) document.addEventListener(type, ({ detail }) => asked.push({ type, detail }));

globalThis.app = {
  FakeClient,
  states: Object.keys(STATES),
  told: asked,
  shown,
  /** For Playwright, which cannot carry elements across. */
  show: async (name, options) => {
    globalThis.app.current = await show(name, options);
  },
};
