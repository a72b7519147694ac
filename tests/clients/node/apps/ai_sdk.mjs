// @ai-sdk/openai: its realtime model says where to connect and translates events; the app holds the socket.
import { createOpenAI } from '@ai-sdk/openai';
import WebSocket from 'ws';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSeconds, run, settings } from './kit.mjs';

function modelWith(key) {
  return createOpenAI({ baseURL: settings.url, apiKey: key }).experimental_realtime('gpt-realtime');
}

class Session {
  #waiting = new Map();

  constructor(see, model, socket) {
    this.model = model;
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ close_code: code, close_reason: reason.toString() }));
    });
    socket.on('message', (data) => {
      const event = model.parseServerEvent(JSON.parse(data.toString()));
      see(note(event.raw));
      for (const listener of this.#waiting.get(event.type) ?? []) listener(event);
    });
  }

  on(type, listener) {
    this.#waiting.set(type, [...(this.#waiting.get(type) ?? []), listener]);
  }

  next(type) {
    return new Promise((resolve) => this.on(type, resolve));
  }

  send(event) {
    this.socket.send(JSON.stringify(this.model.serializeClientEvent(event)));
  }

  say(text) {
    this.send({ type: 'conversation-item-create', item: { type: 'text-message', role: 'user', text } });
    this.send({ type: 'response-create' });
  }

  listen() {
    return new Microphone((packet) => this.send({ type: 'input-audio-append', audio: packet.toString('base64') }));
  }
}

// On a server: the API key in a header, baseURL as it is.
async function fromServer(see, key = settings.key) {
  const model = modelWith(key);
  const { url, headers } = await model.getServerWebSocketConfig();
  return new Session(see, model, new WebSocket(url, { headers }));
}

// In a browser: a client secret among the subprotocols, always over TLS.
async function fromBrowser(see) {
  const provider = createOpenAI({ baseURL: settings.url, apiKey: settings.key });
  const { token, url, expiresAt } = await provider.experimental_realtime.getToken({ model: 'gpt-realtime' });
  if (!token.startsWith('ek_') || expiresAt * 1000 < Date.now()) throw new Error(`a bad client secret: ${expiresAt}`);
  const model = modelWith('none');
  const connection = model.getWebSocketConfig({ token, url });
  return new Session(see, model, new WebSocket(connection.url, connection.protocols));
}

async function connect(see) {
  const session = await (settings.variant === 'browser' ? fromBrowser(see) : fromServer(see));
  await session.next('session-created');
  return session;
}

await run({
  async text(see) {
    const session = await connect(see);
    session.send({ type: 'session-update', config: { outputModalities: ['text'] } });
    const [text, done] = [session.next('text-done'), session.next('response-done')];
    session.say(settings.ask.text);
    const { status, usage } = await done;
    session.socket.close();
    return { answer: (await text).text, status, output_tokens: usage.outputTokens };
  },

  async audio(see) {
    const session = await connect(see);
    let bytes = 0;
    session.on('audio-delta', (event) => (bytes += Buffer.from(event.delta, 'base64').length));
    const heard = session.next('input-transcription-completed');
    const [transcript, done] = [session.next('audio-transcript-done'), session.next('response-done')];
    session.send({
      type: 'session-update',
      config: {
        inputAudioFormat: { type: 'audio/pcm', rate: 24000 },
        inputAudioTranscription: {},
        turnDetection: { type: 'server-vad', silenceDurationMs: 400 },
        voice: 'marin',
      },
    });
    const microphone = session.listen();
    const result = {
      answer: (await transcript).transcript,
      status: (await done).status,
      audio_seconds: pcmSeconds(bytes),
      heard: (await heard).transcript,
    };
    await microphone.close();
    session.socket.close();
    return result;
  },

  async function(see) {
    const session = await connect(see);
    session.send({ type: 'session-update', config: { outputModalities: ['text'], tools: [WEATHER] } });
    const [call, done] = [session.next('function-call-arguments-done'), session.next('response-done')];
    session.say(settings.ask.weather);
    const { callId, name, arguments: given } = await call;
    await done;
    const text = session.next('text-done');
    const output = JSON.stringify(WEATHER_RESULT);
    session.send({ type: 'conversation-item-create', item: { type: 'function-call-output', callId, name, output } });
    session.send({ type: 'response-create' });
    const answer = (await text).text;
    session.socket.close();
    return { name, arguments: JSON.parse(given), answer };
  },

  async interruption(see) {
    const session = await connect(see);
    const [audio, started] = [session.next('audio-delta'), session.next('speech-started')];
    const done = session.next('response-done');
    const truncated = later();
    session.on('custom', ({ rawType, raw }) => rawType === 'conversation.item.truncated' && truncated.resolve(raw));
    session.say(settings.ask.everything);
    const { itemId } = await audio;
    const microphone = session.listen();
    await started;
    const { status, raw } = await done;
    const transcript = session.next('audio-transcript-done');
    session.send({ type: 'conversation-item-truncate', itemId, contentIndex: 0, audioEndMs: 700 });
    const result = {
      status,
      reason: raw.response.status_details?.reason,
      truncated_ms: (await truncated.promise).audio_end_ms,
      answer: (await transcript).transcript,
    };
    await microphone.close();
    session.socket.close();
    return result;
  },

  async wrong_key(see) {
    if (settings.variant === 'browser') {
      const provider = createOpenAI({ baseURL: settings.url, apiKey: settings.wrongKey });
      const asked = provider.experimental_realtime.getToken({ model: 'gpt-realtime' });
      return {
        error: await asked.then(
          () => 'none',
          (error) => error.message,
        ),
      };
    }
    const session = await fromServer(see, settings.wrongKey);
    const { code } = await session.next('error');
    return { error: code, ...(await session.closed) };
  },
});
