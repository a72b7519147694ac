// @livekit/agents-plugin-openai: the session of its RealtimeModel, driven as LiveKit's AgentSession does it.
import { initializeLogger, llm } from '@livekit/agents';
import { realtime } from '@livekit/agents-plugin-openai';
import { AudioFrame } from '@livekit/rtc-node';
import { z } from 'zod';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSamples, run, settings } from './kit.mjs';

initializeLogger({ pretty: false, level: 'silent' });

const RATE = 24000;

function open(see, { key = settings.key, ...options } = {}) {
  const model = new realtime.RealtimeModel({ baseURL: settings.url, apiKey: key, model: 'gpt-realtime', ...options });
  const session = model.session();
  session.on('openai_server_event_received', (event) => see(note(event)));
  return session;
}

const serverEvent = (session, type) =>
  new Promise((resolve) => {
    session.on('openai_server_event_received', (event) => event.type === type && resolve(event));
  });

async function* read(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function readText(message) {
  let text = '';
  for await (const piece of read(message.textStream)) text += piece.text ?? piece;
  return text;
}

async function readSeconds(message, started) {
  let samples = 0;
  for await (const frame of read(message.audioStream)) {
    samples += frame.samplesPerChannel;
    started.resolve(message.messageId);
  }
  return samples / RATE;
}

// A generation as it comes in: `started` is the id of its message once there is audio; the rest follows at its end.
function follow(generation) {
  const started = later();
  const messages = (async () => {
    for await (const message of read(generation.messageStream)) {
      const [answer, seconds] = await Promise.all([readText(message), readSeconds(message, started)]);
      return { answer, seconds };
    }
  })();
  const calls = (async () => {
    for await (const call of read(generation.functionStream)) return call;
  })();
  return { started: started.promise, messages, calls };
}

const nextGeneration = (session) =>
  new Promise((resolve) => session.once('generation_created', (generation) => resolve(follow(generation))));

async function add(session, insert) {
  const context = session.chatCtx.copy();
  insert(context);
  await session.updateChatCtx(context);
}

async function ask(session, text) {
  const generation = nextGeneration(session);
  await add(session, (context) => context.addMessage({ role: 'user', content: text }));
  await session.generateReply();
  return generation;
}

const listen = (session) =>
  new Microphone((packet) => {
    const samples = pcmSamples(packet);
    session.pushAudio(new AudioFrame(samples, RATE, 1, samples.length));
  });

await run({
  async text(see) {
    const session = open(see, { modalities: ['text'] });
    const done = serverEvent(session, 'response.done');
    const { messages } = await ask(session, settings.ask.text);
    const { response } = await done;
    const { answer } = await messages;
    await session.close();
    return { answer, status: response.status, output_tokens: response.usage.output_tokens };
  },

  async audio(see) {
    const session = open(see);
    const heard = later();
    session.on('input_audio_transcription_completed', ({ isFinal, transcript }) => {
      if (isFinal) heard.resolve(transcript);
    });
    const [generation, done] = [nextGeneration(session), serverEvent(session, 'response.done')];
    const microphone = listen(session);
    const { answer, seconds } = await (await generation).messages;
    const { status } = (await done).response;
    await microphone.close();
    await session.close();
    return { answer, status, audio_seconds: seconds, heard: await heard.promise };
  },

  async function(see) {
    const session = open(see, { modalities: ['text'] });
    const { name, description } = WEATHER;
    const parameters = z.object({ city: z.string().describe('name of the city') });
    await session.updateTools(
      new llm.ToolContext([llm.tool({ name, description, parameters, execute: async () => WEATHER_RESULT })]),
    );
    const call = await (await ask(session, settings.ask.weather)).calls;
    const output = JSON.stringify(WEATHER_RESULT);
    await add(session, (context) =>
      context.insert(llm.FunctionCallOutput.create({ callId: call.callId, name: call.name, output, isError: false })),
    );
    const generation = nextGeneration(session);
    await session.generateReply();
    const { answer } = await (await generation).messages;
    await session.close();
    return { name: call.name, arguments: JSON.parse(call.args), answer };
  },

  async interruption(see) {
    const session = open(see);
    const [interrupted, done] = [later(), serverEvent(session, 'response.done')];
    const truncated = serverEvent(session, 'conversation.item.truncated');
    session.on('input_speech_started', interrupted.resolve);
    const { started } = await ask(session, settings.ask.everything);
    const messageId = await started;
    const answered = nextGeneration(session);
    const microphone = listen(session);
    await interrupted.promise;
    await session.interrupt();
    await session.truncate({ messageId, audioEndMs: 700, modalities: ['audio', 'text'] });
    const { response } = await done;
    const { audio_end_ms } = await truncated;
    const { answer } = await (await answered).messages;
    await microphone.close();
    await session.close();
    return { status: response.status, reason: response.status_details?.reason, truncated_ms: audio_end_ms, answer };
  },

  async wrong_key(see) {
    const session = open(see, { key: settings.wrongKey });
    const { error } = await new Promise((resolve) => session.once('error', resolve));
    await session.close(); // it would try again
    return { error: error.body?.code ?? error.message };
  },
});
