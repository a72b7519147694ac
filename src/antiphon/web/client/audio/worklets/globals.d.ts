// What an AudioWorkletGlobalScope has, as far as the worklets here use it; TypeScript's own libraries leave it out.

declare class AudioWorkletProcessor {
  constructor(options?: AudioWorkletNodeOptions);
  readonly port: MessagePort;
}

declare function registerProcessor(
  name: string,
  processor: new (options: AudioWorkletNodeOptions) => AudioWorkletProcessor & {
    process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
  },
): void;

/** Position of the current quantum's first sample on the context's clock, in samples. */
declare const currentFrame: number;
/** Of the context, in Hz. */
declare const sampleRate: number;
