// Takes what comes in (the node is mono, so the browser has mixed it) and posts it in chunks, at the context's own rate. Everything that
// costs time is done outside of the audio thread. Imports nothing: a worklet of one file loads in every browser that has worklets.

class CaptureProcessor extends AudioWorkletProcessor {
  #chunk;
  #filled = 0;
  #open = true;

  /** @param {AudioWorkletNodeOptions} options `processorOptions.frames`: of a chunk. */
  constructor(options) {
    super(options);
    this.#chunk = new Float32Array(options.processorOptions.frames);
    this.port.onmessage = () => {
      this.#open = false;
    };
  }

  /**
   * @param {Float32Array[][]} inputs
   * @param {Float32Array[][]} outputs Left silent.
   */
  process([input], [output]) {
    const samples = input?.[0];
    const frames = samples?.length ?? output?.[0]?.length ?? 128;
    for (let from = 0; from < frames;) from += this.#take(samples, from, frames);
    return this.#open;
  }

  /**
   * @param {Float32Array | undefined} samples None while the source gives nothing: time goes on in silence.
   * @param {number} from
   * @param {number} to
   * @returns {number} How many were taken.
   */
  #take(samples, from, to) {
    const count = Math.min(to - from, this.#chunk.length - this.#filled);
    if (samples) for (let i = 0; i < count; i++) this.#chunk[this.#filled + i] = samples[from + i] ?? 0;
    this.#filled += count;
    if (this.#filled === this.#chunk.length) this.#post();
    return count;
  }

  #post() {
    const chunk = this.#chunk;
    this.#chunk = new Float32Array(chunk.length);
    this.#filled = 0;
    if (this.#open) this.port.postMessage(chunk, [chunk.buffer]);
  }
}

registerProcessor('antiphon-capture', CaptureProcessor);
