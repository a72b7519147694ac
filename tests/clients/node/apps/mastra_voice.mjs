// @mastra/voice-openai-realtime.
import { OpenAIRealtimeVoice } from '@mastra/voice-openai-realtime';
import { z } from 'zod';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSamples, pcmSeconds, run, settings } from './kit.mjs';

async function open(see, { key = settings.key, tools } = {}) {
  const voice = new OpenAIRealtimeVoice({ url: settings.url, apiKey: key, model: 'gpt-realtime' });
  if (tools) voice.addTools(tools);
  for (const type of ['error', 'session.created', 'session.updated', 'response.created', 'response.done']) {
    voice.on(type, (event) => see(note(event)));
  }
  await voice.connect();
  return voice;
}

const next = (voice, name) => new Promise((resolve) => voice.on(name, resolve));

// What one party said or wrote until the line ends.
function line(voice, role) {
  return new Promise((resolve) => {
    let said = '';
    voice.on('writing', (piece) => {
      if (piece.role !== role) return;
      if (piece.text === '\n') resolve(said);
      else said += piece.text;
    });
  });
}

async function say(voice, text, options) {
  const content = [{ type: 'input_text', text }];
  voice.sendEvent('conversation.item.create', { item: { type: 'message', role: 'user', content } });
  await voice.answer({ options });
}

const listen = (voice) => new Microphone((packet) => voice.send(pcmSamples(packet)));

await run({
  async text(see) {
    const voice = await open(see);
    const [answer, done] = [line(voice, 'assistant'), next(voice, 'response.done')];
    await say(voice, settings.ask.text, { output_modalities: ['text'] });
    const { response } = await done;
    voice.close();
    return { answer: await answer, status: response.status, output_tokens: response.usage.output_tokens };
  },

  async audio(see) {
    const voice = await open(see);
    let bytes = 0;
    voice.on('speaking', ({ audio }) => (bytes += audio.length));
    const [answer, heard, done] = [line(voice, 'assistant'), line(voice, 'user'), next(voice, 'response.done')];
    const microphone = listen(voice);
    const result = {
      answer: await answer,
      status: (await done).response.status,
      audio_seconds: pcmSeconds(bytes),
      heard: await heard,
    };
    await microphone.close();
    voice.close();
    return result;
  },

  async function(see) {
    const call = later();
    const weather = {
      id: WEATHER.name,
      description: WEATHER.description,
      inputSchema: z.object({ city: z.string().describe('name of the city') }),
      execute: async (given) => {
        call.resolve(given);
        return WEATHER_RESULT;
      },
    };
    const voice = await open(see, { tools: { [WEATHER.name]: weather } });
    const [started, answer] = [next(voice, 'tool-call-start'), line(voice, 'assistant')];
    await say(voice, settings.ask.weather);
    const { toolName } = await started;
    const result = { name: toolName, arguments: await call.promise, answer: await answer };
    voice.close();
    return result;
  },

  async interruption(see) {
    const voice = await open(see);
    const [audio, started] = [next(voice, 'openAIRealtime:response.output_audio.delta'), next(voice, 'speaking')];
    const interrupted = next(voice, 'input_audio_buffer.speech_started');
    const truncated = next(voice, 'openAIRealtime:conversation.item.truncated');
    const done = next(voice, 'response.done');
    await say(voice, settings.ask.everything);
    await started;
    const { item_id, content_index } = await audio;
    const microphone = listen(voice);
    await interrupted;
    const { response } = await done;
    const answer = line(voice, 'assistant');
    voice.sendEvent('conversation.item.truncate', { item_id, content_index, audio_end_ms: 700 });
    const result = {
      status: response.status,
      reason: response.status_details?.reason,
      truncated_ms: (await truncated).audio_end_ms,
      answer: await answer,
    };
    await microphone.close();
    voice.close();
    return result;
  },

  async wrong_key(see) {
    const error = await open(see, { key: settings.wrongKey }).then(
      () => null,
      (failure) => failure,
    );
    return { error: error.cause?.code ?? error.message };
  },
});
