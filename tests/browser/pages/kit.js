// What all pages share: a log of what happened and when, ears at the loudspeaker, and a microphone that speaks when told.

const WAIT_MS = 30_000;
const RATE = 48_000;
const RECORDER = `registerProcessor('recorder', class extends AudioWorkletProcessor {
  process([input]) {
    if (input[0]) this.port.postMessage({ seconds: currentTime, samples: input[0] });
    return true;
  }
});`;

const context = new AudioContext({ sampleRate: RATE });

// Server events in the order of their arrival, each with the time of the audio clock, by which sound is recorded too.
export class Log {
  #entries = [];
  #waiting = new Set();

  add(event) {
    this.#entries.push({ event, seconds: context.currentTime });
    for (const look of this.#waiting) look();
  }

  // The first event from position `from` on that has this type, with its position and its time.
  wait({ type, from = 0 }) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(reject, new Error(this.#unseen(type))), WAIT_MS);
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(value);
      };
      const look = () => {
        const index = this.#entries.findIndex(({ event }, index) => index >= from && event.type === type);
        if (index >= 0) end(resolve, { index, ...this.#entries[index] });
      };
      this.#waiting.add(look);
      look();
    });
  }

  types() {
    return this.#entries.map(({ event }) => event.type);
  }

  #unseen(type) {
    const errors = this.#entries.filter(({ event }) => event.type === 'error');
    return `no ${type} within ${WAIT_MS} ms, only ${JSON.stringify([this.types(), errors])}`;
  }
}

// A loudspeaker, and everything that came out of it.
export class Loudspeaker {
  // Browsers let WebAudio hear a remote track only while an element plays it.
  element = new Audio();
  #chunks = [];
  #begin;

  constructor() {
    this.element.autoplay = true;
    this.element.addEventListener('loadedmetadata', () => this.#listen());
  }

  // {pcm: PCM16 mono at `rate` Hz in base64, begin: time of its first sample on the clock of the log}
  heard() {
    return { pcm: base64(pcm16(this.#chunks)), rate: RATE, begin: this.#begin ?? 0 };
  }

  // Resolve when so much was recorded; the clock goes on while nothing is said.
  async recorded({ until }) {
    while (context.currentTime < until) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async #listen() {
    await context.resume();
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([RECORDER], { type: 'text/javascript' })));
    const recorder = new AudioWorkletNode(context, 'recorder');
    recorder.port.onmessage = ({ data: { seconds, samples } }) => {
      this.#begin ??= seconds;
      this.#chunks.push(samples);
    };
    context.createMediaStreamSource(this.element.srcObject).connect(recorder).connect(context.destination);
  }
}

// A stream that is silent but when `speak` is called; it stands in for the device of a browser that has no fake one.
export class Microphone {
  #output = context.createMediaStreamDestination();
  stream = this.#output.stream;

  // Say a recording; resolves when it was said.
  async speak({ wav }) {
    await context.resume();
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(await (await fetch(wav)).arrayBuffer());
    source.connect(this.#output);
    const ended = new Promise((resolve) => (source.onended = resolve));
    source.start();
    await ended;
  }
}

function pcm16(chunks) {
  const samples = new Int16Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    for (const sample of chunk) samples[at++] = Math.max(-1, Math.min(1, sample)) * 32767;
  }
  return new Uint8Array(samples.buffer);
}

function base64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
