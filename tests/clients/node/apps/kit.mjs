// What all apps share: their settings, speech at the pace of a microphone, and the report of what an app saw.
import { readFileSync } from 'node:fs';

// {url, key, wrongKey, variant, question, ask: {text, weather, everything}}, from the test.
export const settings = JSON.parse(process.argv[2]);

export const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the weather in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', description: 'name of the city' } },
    required: ['city'],
  },
};
export const WEATHER_RESULT = { temperature: '19 degrees' };

const RATE = 24000;
const PACKET_MS = 20;
const PACKET_BYTES = ((RATE * PACKET_MS) / 1000) * 2;
const SCENARIO_MS = 45_000;

export const pcmSeconds = (bytes) => bytes / 2 / RATE;
export const pcmSamples = (packet) => new Int16Array(new Uint8Array(packet).buffer);

// A microphone in front of somebody who asks the question once: packets of 20 ms, each when a microphone would have it,
// then silence, until it is closed.
export class Microphone {
  #open = true;
  #spoken = later();

  constructor(send) {
    this.spoken = this.#spoken.promise;
    this.closed = this.#run(send);
    this.closed.catch(() => {}); // whoever closes is told
  }

  // End the packets; returns when the last one is sent.
  close() {
    this.#open = false;
    return this.closed;
  }

  async #run(send) {
    const said = readFileSync(settings.question);
    const begin = performance.now();
    for (let index = 0; this.#open; index++) {
      const due = begin + (index + 1) * PACKET_MS;
      await new Promise((resolve) => setTimeout(resolve, Math.max(due - performance.now(), 0)));
      const packet = said.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES);
      if (packet.length < PACKET_BYTES) this.#spoken.resolve();
      send(Buffer.concat([packet, Buffer.alloc(PACKET_BYTES - packet.length)]));
    }
  }
}

// What an app notes of an event: its type, and all of an error.
export const note = (event) => (event.type === 'error' ? event : event.type);

// A value that is not there yet; the first call of `resolve` or `reject` counts.
export function later() {
  let resolve, reject;
  const promise = new Promise((onValue, onError) => ([resolve, reject] = [onValue, onError]));
  return { promise, resolve, reject };
}

// Run every scenario of an app at once, and print for each a line of JSON with what it returned.
export async function run(scenarios) {
  await Promise.all(Object.entries(scenarios).map(([name, scenario]) => report(name, scenario)));
  process.exit(0);
}

async function report(name, scenario) {
  const seen = [];
  const overdue = later();
  const timer = setTimeout(() => overdue.reject(new Error(`not done after ${SCENARIO_MS} ms`)), SCENARIO_MS);
  try {
    const result = await Promise.race([scenario((event) => seen.push(event)), overdue.promise]);
    print({ scenario: name, result, errors: seen.filter((event) => event.type === 'error') });
  } catch (error) {
    print({ scenario: name, failure: String(error?.stack ?? error), seen });
  } finally {
    clearTimeout(timer);
  }
}

function print(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}
