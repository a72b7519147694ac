// rt-client: Azure's client, on Azure's old path, in the beta shape.
import { LowLevelRTClient, RTClient } from 'rt-client';
import { Microphone, WEATHER, WEATHER_RESULT, later, note, pcmSeconds, run, settings } from './kit.mjs';

const connection = (key) => [new URL(settings.url), { key }, { deployment: 'gpt-realtime' }];
const userMessage = (text) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });

// Read a response to its end: the text, transcript and audio of its messages, and its function calls.
async function readResponse(response) {
  const read = { answer: '', bytes: 0, calls: [] };
  for await (const item of response) {
    if (item.type === 'function_call') {
      await item.waitForCompletion();
      read.calls.push({ name: item.functionName, callId: item.callId, arguments: JSON.parse(item.arguments) });
      continue;
    }
    for await (const content of item) {
      if (content.type === 'text') for await (const chunk of content.textChunks()) read.answer += chunk;
      else await Promise.all([readTranscript(content, read), readAudio(content, read)]);
    }
  }
  return read;
}

async function readTranscript(content, read) {
  for await (const chunk of content.transcriptChunks()) read.answer += chunk;
}

async function readAudio(content, read) {
  for await (const chunk of content.audioChunks()) read.bytes += chunk.length;
}

await run({
  async text() {
    const client = new RTClient(...connection(settings.key));
    await client.configure({ modalities: ['text'] });
    await client.sendItem(userMessage(settings.ask.text));
    const response = await client.generateResponse();
    const { answer } = await readResponse(response);
    await client.close();
    return { answer, status: response.status, output_tokens: response.usage.output_tokens };
  },

  async audio(see) {
    const client = new RTClient(...connection(settings.key));
    await client.configure({
      modalities: ['text', 'audio'],
      input_audio_transcription: { model: 'whisper-1' },
      turn_detection: { type: 'server_vad' },
    });
    const microphone = new Microphone((packet) => client.sendAudio(packet));
    let heard;
    for await (const event of client.events()) {
      see(event.type);
      if (event.type === 'input_audio') {
        heard = event.waitForCompletion().then(() => event.transcription);
        continue;
      }
      const { answer, bytes } = await readResponse(event);
      await microphone.close();
      const result = { answer, status: event.status, audio_seconds: pcmSeconds(bytes), heard: await heard };
      await client.close();
      return result;
    }
  },

  async function() {
    const client = new RTClient(...connection(settings.key));
    await client.configure({ modalities: ['text'], tools: [WEATHER], tool_choice: 'auto' });
    await client.sendItem(userMessage(settings.ask.weather));
    const {
      calls: [call],
    } = await readResponse(await client.generateResponse());
    const output = JSON.stringify(WEATHER_RESULT);
    await client.sendItem({ type: 'function_call_output', call_id: call.callId, output });
    const { answer } = await readResponse(await client.generateResponse());
    await client.close();
    return { name: call.name, arguments: call.arguments, answer };
  },

  // Only the lower of its two layers can truncate.
  async interruption(see) {
    const client = new LowLevelRTClient(...connection(settings.key));
    const [audio, interrupted, done, truncated, answered] = Array.from({ length: 5 }, later);
    const reading = (async () => {
      for await (const event of client.messages()) {
        see(note(event));
        if (event.type === 'response.audio.delta') audio.resolve(event);
        if (event.type === 'input_audio_buffer.speech_started') interrupted.resolve();
        if (event.type === 'response.done') done.resolve(event.response);
        if (event.type === 'conversation.item.truncated') truncated.resolve(event);
        if (event.type === 'response.audio_transcript.done' && event.item_id !== (await audio.promise).item_id) {
          answered.resolve(event.transcript);
        }
      }
    })();
    const send = (event) => client.send(event);
    await send({ type: 'session.update', session: { turn_detection: { type: 'server_vad' } } });
    await send({ type: 'conversation.item.create', item: userMessage(settings.ask.everything) });
    await send({ type: 'response.create' });
    const { item_id, content_index } = await audio.promise;
    const microphone = new Microphone((packet) =>
      send({ type: 'input_audio_buffer.append', audio: packet.toString('base64') }),
    );
    await interrupted.promise;
    const { status, status_details } = await done.promise;
    await send({ type: 'conversation.item.truncate', item_id, content_index, audio_end_ms: 700 });
    const result = {
      status,
      reason: status_details?.reason,
      truncated_ms: (await truncated.promise).audio_end_ms,
      answer: await answered.promise,
    };
    await microphone.close();
    await client.close();
    await reading;
    return result;
  },

  async wrong_key() {
    const client = new RTClient(...connection(settings.wrongKey));
    const error = await client.init().then(
      () => null,
      (failure) => failure,
    );
    return { error: error.code ?? error.message };
  },
});
