import { readFileSync } from 'node:fs';
import type { LlamaModel } from '../../../engines/runners/llama-cpp/index.js';
import { llamaCpp } from '../../../engines/runners/llama-cpp/index.js';
import { open } from '../../../engines/runners/runner.js';

/** How far logits lie from those that transformers computed. */
export interface LogitError {
  /** Root mean square of the differences over that of the logits around their mean. */
  readonly relative: number;
  /** Places whose most likely token is another one. */
  readonly otherTop: number;
  readonly places: number;
}

/**
 * Reads half of the tokens at once and the others one by one, and compares the logits of each place from
 * there on.
 */
export async function logitError(path: string, reference: string): Promise<LogitError> {
  const tokens = int32(`${reference}.tokens`);
  const expected = float32(`${reference}.logits`);
  const vocabulary = expected.length / tokens.length;
  const model = (await open(llamaCpp, 'generator', {
    modelPath: path,
    // Nothing is rounded that the weights are not.
    options: { threads: 2, flashAttention: false, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: 64,
    sequences: 1,
  })) as LlamaModel;
  try {
    const half = tokens.length / 2;
    model.prefill([tokens.subarray(0, half)]);
    let [differences, spread, otherTop] = [0, 0, 0];
    for (let place = half - 1; place < tokens.length; place++) {
      if (place >= half) model.step(tokens.subarray(place, place + 1));
      const [found, meant] = [
        model.logits(0),
        expected.subarray(place * vocabulary, (place + 1) * vocabulary),
      ];
      const mean = meant.reduce((sum, value) => sum + value, 0) / vocabulary;
      for (let i = 0; i < vocabulary; i++) {
        differences += (found[i]! - meant[i]!) ** 2;
        spread += (meant[i]! - mean) ** 2;
      }
      if (top(found) !== top(meant)) otherTop += 1;
    }
    return { relative: Math.sqrt(differences / spread), otherTop, places: tokens.length - half + 1 };
  } finally {
    model.close();
  }
}

function top(logits: Float32Array): number {
  return logits.reduce((best, value, i) => (value > logits[best]! ? i : best), 0);
}

const float32 = (path: string) => new Float32Array(new Uint8Array(readFileSync(path)).buffer);
const int32 = (path: string) => new Int32Array(new Uint8Array(readFileSync(path)).buffer);
