// Plays what it is given, gapless, and tells how far it came. Imports nothing: a worklet of one file loads in every browser that has
// worklets.
//
// In: {type: 'append', samples} at the context's rate; {type: 'end'}: nothing more is to be waited for; {type: 'clear', epoch}; {type: 'close'}.
// Out: {epoch, frame, position, playing, underruns}: at `frame` of the context's clock, `position` frames had been played since the last
// clear, and from there on it went on playing, or it did not. Told at each change, and every 20 ms as long as somebody may listen.

const TOLD_EVERY_SECONDS = 0.02;
// The slowest output (Bluetooth) is heard half a second after it left here; let the last report come when everything was heard.
const LINGER_SECONDS = 1.5;
// A step in the signal is a click; the last sample falls to 1/e in a millisecond instead.
const DECAY_SECONDS = 0.001;

class PlaybackProcessor extends AudioWorkletProcessor {
  /** @type {Float32Array[]} */
  #chunks = [];
  /** How much of the first chunk was played. */
  #offset = 0;
  #buffered = 0;
  #position = 0;
  #epoch = 0;
  #open = true;
  #playing = false;
  #ended = false;
  #waited = 0;
  #underruns = 0;
  #gain = 1;
  #last = 0;
  #linger = 0;
  #untold = 0;
  /** @type {Float32Array} What fades away after a clear. */
  #fading = new Float32Array(0);
  #faded = 0;
  #startFrames;
  #longestWait;
  #fadeFrames;
  #decay = Math.exp(-1 / (DECAY_SECONDS * sampleRate));

  /** @param {AudioWorkletNodeOptions} options `processorOptions`: startSeconds, longestWaitSeconds, fadeSeconds. */
  constructor(options) {
    super(options);
    const { startSeconds, longestWaitSeconds, fadeSeconds } = options.processorOptions;
    this.#startFrames = startSeconds * sampleRate;
    this.#longestWait = longestWaitSeconds * sampleRate;
    this.#fadeFrames = Math.round(fadeSeconds * sampleRate);
    this.port.onmessage = ({ data }) => this.#receive(data);
  }

  /** @param {{ type: string, samples: Float32Array, epoch: number }} message */
  #receive({ type, samples, epoch }) {
    if (type === 'append') this.#append(samples);
    else if (type === 'end') this.#ended = true;
    else if (type === 'clear') this.#clear(epoch);
    else this.#open = false;
  }

  /** @param {Float32Array} samples */
  #append(samples) {
    if (!samples.length) return;
    this.#chunks.push(samples);
    this.#buffered += samples.length;
    this.#ended = false;
  }

  /** @param {number} epoch */
  #clear(epoch) {
    this.#fading = this.#playing ? this.#fadeOut() : new Float32Array(0);
    this.#faded = 0;
    this.#chunks = [];
    this.#offset = this.#buffered = this.#position = this.#waited = 0;
    this.#playing = this.#ended = false;
    this.#gain = 1;
    this.#epoch = epoch;
  }

  /** What would have come next, falling to silence. */
  #fadeOut() {
    const tail = new Float32Array(this.#fadeFrames);
    this.#read(tail);
    for (let i = 0; i < tail.length; i++) tail[i] = (tail[i] ?? 0) * (1 - (i + 1) / tail.length);
    this.#last = 0;
    return tail;
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs One, mono.
   */
  process(_inputs, [output]) {
    const out = output?.[0];
    if (!out) return this.#open;
    if (!this.#playing) this.#startIfReady(out.length);
    if (this.#playing) this.#play(out);
    else this.#decayInto(out, 0);
    this.#mixFading(out);
    this.#tellInTime(out.length);
    return this.#open;
  }

  /** @param {number} frames Of a quantum. */
  #startIfReady(frames) {
    if (!this.#buffered) return;
    this.#waited += frames;
    if (this.#buffered < this.#startFrames && !this.#ended && this.#waited < this.#longestWait) return;
    this.#playing = true;
    this.#waited = 0;
    this.#tell(currentFrame);
  }

  /** @param {Float32Array} out */
  #play(out) {
    const filled = this.#read(out);
    this.#position += filled;
    if (this.#gain < 1) this.#fadeIn(out, filled);
    if (filled === out.length) this.#last = out[filled - 1] ?? 0;
    else this.#runDry(out, filled);
  }

  /**
   * @param {Float32Array} out
   * @param {number} filled
   */
  #runDry(out, filled) {
    if (filled) this.#last = out[filled - 1] ?? 0;
    this.#playing = false;
    this.#decayInto(out, filled);
    if (!this.#ended) {
      this.#underruns += 1;
      this.#gain = 0; // what comes after a gap begins softly
    }
    this.#tell(currentFrame + filled);
  }

  /**
   * @param {Float32Array} out
   * @returns {number} How many frames there were.
   */
  #read(out) {
    let filled = 0;
    for (let chunk = this.#chunks[0]; chunk && filled < out.length; chunk = this.#chunks[0]) {
      const part = chunk.subarray(this.#offset, this.#offset + out.length - filled);
      out.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    this.#buffered -= filled;
    return filled;
  }

  /**
   * @param {Float32Array} out
   * @param {number} filled
   */
  #fadeIn(out, filled) {
    for (let i = 0; i < filled && this.#gain < 1; i++) {
      out[i] = (out[i] ?? 0) * this.#gain;
      this.#gain = Math.min(1, this.#gain + 1 / this.#fadeFrames);
    }
  }

  /**
   * @param {Float32Array} out
   * @param {number} from
   */
  #decayInto(out, from) {
    for (let i = from; i < out.length && this.#last; i++) {
      this.#last = Math.abs(this.#last) < 1e-5 ? 0 : this.#last * this.#decay;
      out[i] = this.#last;
    }
  }

  /** @param {Float32Array} out */
  #mixFading(out) {
    const count = Math.min(out.length, this.#fading.length - this.#faded);
    for (let i = 0; i < count; i++) out[i] = (out[i] ?? 0) + (this.#fading[this.#faded + i] ?? 0);
    this.#faded += count;
  }

  /** @param {number} frames Of a quantum. */
  #tellInTime(frames) {
    if (this.#playing || this.#buffered) this.#linger = LINGER_SECONDS * sampleRate;
    if (this.#linger <= 0) return;
    this.#linger -= frames;
    this.#untold += frames;
    if (this.#untold >= TOLD_EVERY_SECONDS * sampleRate) this.#tell(currentFrame + frames);
  }

  /** @param {number} frame */
  #tell(frame) {
    this.#untold = 0;
    this.port.postMessage({
      epoch: this.#epoch,
      frame,
      position: this.#position,
      playing: this.#playing,
      underruns: this.#underruns,
    });
  }
}

registerProcessor('antiphon-playback', PlaybackProcessor);
