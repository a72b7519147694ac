// @openai/agents-realtime over the ladder: the SDK is in the bundle, the adapter comes from the server.
import { OpenAIRealtimeBase, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

const events = [];
const called = [];
let session;

const weather = tool({
  name: 'get_weather',
  description: 'Get the weather in a city.',
  parameters: z.object({ city: z.string().describe('name of the city') }),
  execute: async (given) => {
    called.push(given);
    return { temperature: '19 degrees' };
  },
});

const spoken = (role) =>
  session.history
    .filter((item) => item.role === role)
    .map(({ content: [part] }) => part?.transcript ?? part?.text ?? '')
    .filter(Boolean);

window.app = {
  async connect({ web, key, ...options }) {
    const { transportFor } = await import(`${web}/adapters/openai-agents.js`);
    const AntiphonTransport = transportFor({ OpenAIRealtimeBase });
    const transport = new AntiphonTransport(options);
    session = new RealtimeSession(new RealtimeAgent({ name: 'Guide', tools: [weather] }), {
      transport,
      model: 'gpt-realtime',
    });
    session.on('transport_event', ({ type }) => events.push(type));
    session.on('audio_interrupted', () => events.push('page.interrupted'));
    session.on('error', ({ error }) => events.push(`page.error ${error?.code ?? error?.error?.code ?? error}`));
    transport.on('connection_change', (status) => events.push(`page.${status}`));
    await session.connect({ apiKey: key });
    return transport.client.state.transport;
  },
  refused: (given) => window.app.connect(given).then(() => '', String),
  write: (text) => session.sendMessage(text),
  interrupt: () => session.interrupt(),
  close: () => session.close(),
  level: () => session.transport.client.levels().output,
  callId: () => session.transport.callId,
  has: (...types) => types.every((type) => events.includes(type)),
  events: () => events,
  called: () => called,
  said: () => spoken('user'),
  answers: () => spoken('assistant'),
};
