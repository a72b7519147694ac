// @openai/agents-realtime: a RealtimeSession over its WebSocket transport.
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSeconds, run, settings } from './kit.mjs';

async function open(see, { key = settings.key, tools = [], config = {} } = {}) {
  const agent = new RealtimeAgent({ name: 'Guide', tools });
  const transport = new OpenAIRealtimeWebSocket({ url: settings.url });
  const session = new RealtimeSession(agent, { transport, model: 'gpt-realtime', config });
  session.on('transport_event', (event) => see(note(event)));
  const failed = later();
  session.on('error', ({ error }) => failed.resolve(error));
  await session.connect({ apiKey: key });
  return { session, failed: failed.promise };
}

// The text of the agent's next turn that has one: a turn that calls a tool ends with none.
function answered(session) {
  return new Promise((resolve) => {
    session.on('agent_end', (_context, _agent, output) => output && resolve(output));
  });
}

function transportEvent(session, type) {
  return new Promise((resolve) => {
    session.on('transport_event', (event) => event.type === type && resolve(event));
  });
}

const listen = (session) => new Microphone((packet) => session.sendAudio(new Uint8Array(packet).buffer));
const contentOf = (session, role) =>
  session.history.filter((item) => item.role === role).map((item) => item.content[0]);

await run({
  async text(see) {
    const { session } = await open(see, { config: { outputModalities: ['text'] } });
    const [answer, done] = [answered(session), transportEvent(session, 'response.done')];
    session.sendMessage(settings.ask.text);
    const result = {
      answer: await answer,
      status: (await done).response.status,
      output_tokens: session.usage.outputTokens,
      history: session.history.map((item) => [item.role, item.status, item.content[0].text]),
    };
    session.close();
    return result;
  },

  async audio(see) {
    const { session } = await open(see);
    let bytes = 0;
    session.on('audio', ({ data }) => (bytes += data.byteLength));
    const [answer, done] = [answered(session), transportEvent(session, 'response.done')];
    const heard = later();
    session.on('history_updated', () => {
      const [said] = contentOf(session, 'user');
      if (said?.transcript) heard.resolve(said.transcript);
    });
    const microphone = listen(session);
    const result = {
      answer: await answer,
      status: (await done).response.status,
      audio_seconds: pcmSeconds(bytes),
      heard: await heard.promise,
    };
    await microphone.close();
    session.close();
    return result;
  },

  async function(see) {
    const call = later();
    const weather = tool({
      name: WEATHER.name,
      description: WEATHER.description,
      parameters: z.object({ city: z.string().describe('name of the city') }),
      execute: async (given) => {
        call.resolve(given);
        return WEATHER_RESULT;
      },
    });
    const { session } = await open(see, { tools: [weather], config: { outputModalities: ['text'] } });
    const answer = answered(session);
    const ended = new Promise((resolve) => {
      session.on('agent_tool_end', (_context, _agent, { name }, result) => resolve({ name, result }));
    });
    session.sendMessage(settings.ask.weather);
    const result = { arguments: await call.promise, name: (await ended).name, answer: await answer };
    session.close();
    return result;
  },

  async interruption(see) {
    const { session } = await open(see);
    const audio = new Promise((resolve) => session.once('audio', resolve));
    const interrupted = new Promise((resolve) => session.once('audio_interrupted', resolve));
    const done = transportEvent(session, 'response.done');
    const truncated = transportEvent(session, 'conversation.item.truncated');
    session.sendMessage(settings.ask.everything);
    await audio;
    const microphone = listen(session);
    await interrupted;
    const { response } = await done;
    const answer = answered(session);
    const result = {
      status: response.status,
      reason: response.status_details?.reason,
      truncated_ms: (await truncated).audio_end_ms,
      answer: await answer,
    };
    await microphone.close();
    session.close();
    return result;
  },

  async wrong_key(see) {
    const { session, failed } = await open(see, { key: settings.wrongKey });
    const gone = new Promise((resolve) => {
      session.transport.on('connection_change', (status) => status === 'disconnected' && resolve());
    });
    const failure = await failed;
    await gone;
    return { error: failure.error?.code ?? failure.code ?? String(failure) };
  },
});
