// @openai/agents-realtime with its own WebRTC transport, told another address and nothing else.
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { Log, Loudspeaker, Microphone } from './kit.js';

const log = new Log();
const loudspeaker = new Loudspeaker();
const microphone = new Microphone();
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

window.app = {
  // `device`: the browser's own microphone, as the transport opens it; without it, one that waits for `speak`.
  async connect({ url, key, device = false, tools = false }) {
    const agent = new RealtimeAgent({ name: 'Guide', tools: tools ? [weather] : [] });
    const mediaStream = device ? undefined : microphone.stream;
    const transport = new OpenAIRealtimeWebRTC({ baseUrl: url, audioElement: loudspeaker.element, mediaStream });
    session = new RealtimeSession(agent, { transport, model: 'gpt-realtime' });
    session.on('transport_event', (event) => log.add(event));
    session.on('error', ({ error }) => log.add({ type: 'page.error', error: String(error?.message ?? error) }));
    transport.on('connection_change', (status) => log.add({ type: `page.${status}` }));
    await session.connect({ apiKey: key });
    return { callId: transport.callId };
  },
  // What a page is told when it may not connect.
  refused: (argument) =>
    window.app.connect(argument).then(
      () => 'nothing',
      (error) => String(error.message),
    ),
  write: ({ text }) => session.sendMessage(text),
  interrupt: () => session.interrupt(),
  close: () => session.close(),
  called: () => called,
  history: () => session.history.map(({ role, status, content }) => ({ role, status, content })),
  speak: (argument) => microphone.speak(argument),
  wait: (argument) => log.wait(argument),
  types: () => log.types(),
  recorded: (argument) => loudspeaker.recorded(argument),
  heard: () => loudspeaker.heard(),
};
