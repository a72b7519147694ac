// openai-realtime-api: the beta reference client, typed and published on npm.
import { RealtimeClient } from 'openai-realtime-api';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSamples, pcmSeconds, run, settings } from './kit.mjs';

const DEFINITION = { ...WEATHER };
delete DEFINITION.type;

function clientWith(see, key = settings.key, sessionConfig = {}) {
  const client = new RealtimeClient({ url: settings.url, apiKey: key, model: 'gpt-realtime', sessionConfig });
  client.on('realtime.event', ({ source, event }) => {
    if (source === 'server') see(note(event));
  });
  return client;
}

async function open(see, sessionConfig) {
  const client = clientWith(see, settings.key, sessionConfig);
  await client.connect();
  await client.waitForSessionCreated();
  return client;
}

function completed(client, matches) {
  return new Promise((resolve) => {
    client.on('conversation.item.completed', ({ item }) => matches(item) && resolve(item));
  });
}

const isAnswer = (item) => item.type === 'message' && item.role === 'assistant';
const next = (client, name) => new Promise((resolve) => client.realtime.on(name, resolve));
const listen = (client) => new Microphone((packet) => client.appendInputAudio(pcmSamples(packet)));
const SERVER_VAD = { turn_detection: { type: 'server_vad' } };

await run({
  async text(see) {
    const client = await open(see, { modalities: ['text'] });
    const [answer, done] = [completed(client, isAnswer), next(client, 'server.response.done')];
    client.sendUserMessageContent([{ type: 'input_text', text: settings.ask.text }]);
    const item = await answer;
    const { response } = await done;
    const result = {
      answer: item.formatted.text,
      status: response.status,
      output_tokens: response.usage.output_tokens,
      history: client.conversation.getItems().map(({ role, status, formatted }) => [role, status, formatted.text]),
    };
    client.disconnect();
    return result;
  },

  // Push to talk, which is what this client does unless told otherwise.
  async audio(see) {
    const client = await open(see);
    const heard = later();
    client.on('conversation.updated', ({ item }) => {
      if (item.role === 'user' && item.formatted.transcript) heard.resolve(item.formatted.transcript);
    });
    const [answer, done] = [completed(client, isAnswer), next(client, 'server.response.done')];
    const microphone = listen(client);
    await microphone.spoken;
    await microphone.close();
    client.createResponse();
    const { formatted } = await answer;
    const result = {
      answer: formatted.transcript,
      status: (await done).response.status,
      audio_seconds: pcmSeconds(formatted.audio.byteLength),
      heard: await heard.promise,
    };
    client.disconnect();
    return result;
  },

  async function(see) {
    const client = await open(see, { modalities: ['text'] });
    const call = later();
    client.addTool(DEFINITION, async (given) => {
      call.resolve(given);
      return WEATHER_RESULT;
    });
    const called = completed(client, (item) => item.type === 'function_call');
    const answer = completed(client, isAnswer);
    client.sendUserMessageContent([{ type: 'input_text', text: settings.ask.weather }]);
    const { formatted } = await called;
    const result = {
      name: formatted.tool.name,
      arguments: await call.promise,
      answer: (await answer).formatted.text,
    };
    client.disconnect();
    return result;
  },

  async interruption(see) {
    const client = await open(see, SERVER_VAD);
    const [audio, done] = [next(client, 'server.response.audio.delta'), next(client, 'server.response.done')];
    const truncated = next(client, 'server.conversation.item.truncated');
    const interrupted = new Promise((resolve) => client.on('conversation.interrupted', resolve));
    client.sendUserMessageContent([{ type: 'input_text', text: settings.ask.everything }]);
    const { item_id } = await audio;
    const microphone = listen(client);
    await interrupted;
    client.cancelResponse(item_id, 0.7 * 24000);
    const answer = completed(client, (item) => isAnswer(item) && item.id !== item_id);
    const { response } = await done;
    const { audio_end_ms } = await truncated;
    const kept = client.conversation.getItem(item_id).formatted;
    const result = {
      status: response.status,
      reason: response.status_details?.reason,
      truncated_ms: audio_end_ms,
      kept_seconds: pcmSeconds(kept.audio.byteLength),
      answer: (await answer).formatted.transcript,
    };
    await microphone.close();
    client.disconnect();
    return result;
  },

  async wrong_key(see) {
    const client = clientWith(see, settings.wrongKey);
    const [failed, closed] = [next(client, 'server.error'), next(client, 'close')];
    await client.connect();
    const { error } = await failed;
    await closed;
    return { error: error.code };
  },
});
