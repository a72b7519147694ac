// openai-node: its connection classes, GA and beta, on OpenAI's paths and on Azure's old one. It forces wss.
import OpenAI, { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWebSocket as BetaRealtimeWebSocket } from 'openai/beta/realtime/websocket';
import { OpenAIRealtimeWS as BetaRealtimeWS } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSeconds, run, settings } from './kit.mjs';

const model = 'gpt-realtime';
const openai = (apiKey) => new OpenAI({ baseURL: settings.url, apiKey });
const azure = (apiKey) =>
  new AzureOpenAI({ endpoint: settings.url, apiKey, apiVersion: '2024-10-01-preview', deployment: model });
const CONNECT = {
  ws: (key) => new OpenAIRealtimeWS({ model }, openai(key)),
  websocket: (key) => new OpenAIRealtimeWebSocket({ model }, openai(key)),
  beta: (key) => new BetaRealtimeWS({ model }, openai(key)),
  azure: (key) => BetaRealtimeWS.azure(azure(key)),
  'azure-websocket': (key) => BetaRealtimeWebSocket.azure(azure(key)),
};
const isBeta = !['ws', 'websocket'].includes(settings.variant);

// The two shapes of the API, as an app for either would write them.
const NAMES = isBeta
  ? { text: 'response.text.done', audio: 'response.audio.delta', transcript: 'response.audio_transcript.done' }
  : {
      text: 'response.output_text.done',
      audio: 'response.output_audio.delta',
      transcript: 'response.output_audio_transcript.done',
    };
const textSession = isBeta ? { modalities: ['text'] } : { type: 'realtime', output_modalities: ['text'] };
const heardSession = isBeta
  ? { input_audio_transcription: { model: 'whisper-1' } }
  : { type: 'realtime', audio: { input: { transcription: { model: 'whisper-1' } } } };

async function connect(key = settings.key) {
  const rt = await CONNECT[settings.variant](key);
  const created = later();
  rt.on('session.created', created.resolve);
  rt.on('error', created.reject);
  return { rt, created: created.promise };
}

async function opened(see) {
  const { rt, created } = await connect();
  rt.on('event', (event) => see(note(event)));
  await created;
  return rt;
}

function say(rt, text) {
  const content = [{ type: 'input_text', text }];
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  rt.send({ type: 'response.create' });
}

const next = (rt, name) => new Promise((resolve) => rt.once(name, resolve));
const listen = (rt) =>
  new Microphone((packet) => rt.send({ type: 'input_audio_buffer.append', audio: packet.toString('base64') }));

await run({
  async text(see) {
    const rt = await opened(see);
    rt.send({ type: 'session.update', session: textSession });
    const [done, text] = [next(rt, 'response.done'), next(rt, NAMES.text)];
    say(rt, settings.ask.text);
    const { response } = await done;
    rt.close();
    return { answer: (await text).text, status: response.status, output_tokens: response.usage.output_tokens };
  },

  async audio(see) {
    const rt = await opened(see);
    let bytes = 0;
    rt.on(NAMES.audio, (event) => (bytes += Buffer.from(event.delta, 'base64').length));
    const heard = next(rt, 'conversation.item.input_audio_transcription.completed');
    const [done, transcript] = [next(rt, 'response.done'), next(rt, NAMES.transcript)];
    rt.send({ type: 'session.update', session: heardSession });
    const microphone = listen(rt);
    const result = {
      answer: (await transcript).transcript,
      status: (await done).response.status,
      audio_seconds: pcmSeconds(bytes),
      heard: (await heard).transcript,
    };
    await microphone.close();
    rt.close();
    return result;
  },

  async function(see) {
    const rt = await opened(see);
    rt.send({ type: 'session.update', session: { ...textSession, tools: [WEATHER] } });
    const [call, done] = [next(rt, 'response.function_call_arguments.done'), next(rt, 'response.done')];
    say(rt, settings.ask.weather);
    const { call_id, arguments: given } = await call;
    const item = (await done).response.output[0];
    const text = next(rt, NAMES.text);
    const output = JSON.stringify(WEATHER_RESULT);
    rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output } });
    rt.send({ type: 'response.create' });
    const answer = (await text).text;
    rt.close();
    return { name: item.name, arguments: JSON.parse(given), answer };
  },

  async interruption(see) {
    const rt = await opened(see);
    const [audio, started] = [next(rt, NAMES.audio), next(rt, 'input_audio_buffer.speech_started')];
    const done = next(rt, 'response.done');
    const truncated = next(rt, 'conversation.item.truncated');
    say(rt, settings.ask.everything);
    const { item_id, content_index } = await audio;
    const microphone = listen(rt);
    await started;
    const { response } = await done;
    const answer = next(rt, NAMES.transcript);
    rt.send({ type: 'conversation.item.truncate', item_id, content_index, audio_end_ms: 700 });
    const result = {
      status: response.status,
      reason: response.status_details?.reason,
      truncated_ms: (await truncated).audio_end_ms,
      answer: (await answer).transcript,
    };
    await microphone.close();
    rt.close();
    return result;
  },

  async wrong_key() {
    const { rt, created } = await connect(settings.wrongKey);
    const closed = later();
    rt.socket.addEventListener('close', ({ code, reason }) => closed.resolve({ code, reason }));
    const error = await created.then(
      () => null,
      (failure) => failure,
    );
    const { code, reason } = await closed.promise;
    return { error: error.error?.code ?? error.message, close_code: code, close_reason: reason };
  },
});
