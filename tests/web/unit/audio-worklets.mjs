// Runs the files of AudioWorklets outside of a browser, on a clock that tests move.
import { readFileSync } from 'node:fs';
import vm from 'node:vm';

const FOLDER = new URL('../../../src/antiphon/web/client/audio/worklets/', import.meta.url);
export const QUANTUM = 128;

/** A port whose messages arrive at once. */
class Port {
  onmessage = null;
  other = null;

  postMessage(data) {
    this.other.onmessage?.({ data });
  }
}

/** A worklet of one processor. `port` is the node's end. */
export class Worklet {
  frame = 0;
  port = new Port();
  #scope;
  #processor;

  constructor(file, { rate = 48_000, processorOptions = {} } = {}) {
    const inner = new Port();
    inner.other = this.port;
    this.port.other = inner;
    let made;
    this.#scope = vm.createContext({
      AudioWorkletProcessor: class {
        port = inner;
      },
      registerProcessor: (name, processor) => (made = processor),
      sampleRate: rate,
      currentFrame: 0,
    });
    vm.runInContext(readFileSync(new URL(file, FOLDER), 'utf8'), this.#scope);
    this.#processor = new made({ processorOptions });
  }

  /** Render one quantum; gives what came out, and whether the processor wants to live on. */
  render(input) {
    this.#scope.currentFrame = this.frame;
    const output = new Float32Array(QUANTUM);
    const alive = this.#processor.process([input ? [input] : []], [[output]]);
    this.frame += QUANTUM;
    return { output, alive };
  }
}
