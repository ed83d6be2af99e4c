import { basename } from 'node:path';
import { failed } from '../../core/errors.js';
import type { AxisValue } from '../../core/experiment/experiment.js';
import { REWRITTEN_AS, windowFlaw } from '../../core/techniques/attention-window.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { type GgufHeader, readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import type { TensorSource } from '../../formats/gguf/writer.js';

export interface WindowRequest {
  readonly inputPath: string;
  readonly outputPath: string;
  /** Tokens a layer looks back on, itself included. */
  readonly tokens: number;
  /** Every so manieth layer sees all tokens; 0 = none does. */
  readonly fullEvery: number;
}

/**
 * What an attention sink has to be to take no part: its share of a softmax is exp of it less the maximum, 0.
 */
const NO_SINK = -1e30;

/**
 * Writes a copy of a model whose layers look back on so many tokens. A model that has a window gets another
 * one. llama.cpp's graph of `llama` has none; its graph of `granite_swa` is the same one with a window and
 * with attention sinks, so the model is written under that name, with sinks that take no part: the weights
 * are the same bytes, and what is inside the window is computed as before.
 * @throws FailureError `impossible-combination` where the engine would ignore a window; `disk-full`.
 */
export async function giveWindow(request: WindowRequest): Promise<Readonly<Record<string, AxisValue>>> {
  const { inputPath, outputPath, tokens, fullEvery } = request;
  const header = readGgufHeader(inputPath);
  const architecture = String(header.metadata.get('general.architecture'));
  const key = `${architecture}.attention.sliding_window`;
  const experts = header.metadata.get(`${architecture}.expert_count`);
  const hasExperts = typeof experts === 'number' && experts > 0;
  const hasWindow = header.metadata.get(key) !== undefined;
  const flaw = windowFlaw({ architecture, hasWindow, hasExperts }, fullEvery);
  const message = `${basename(inputPath)}: ${flaw}`;
  if (flaw !== null) throw failed('impossible-combination', message, 'Leave its attention as it is.');
  const layers = Number(header.metadata.get(`${architecture}.block_count`));
  const window: GgufValue = { type: 'u32', value: tokens };
  if (REWRITTEN_AS[architecture] === undefined) {
    await copyGguf(inputPath, outputPath, { metadata: new Map([[key, window]]) });
    return { window: tokens };
  }
  await writeWindowed(inputPath, outputPath, header, architecture, window, patternOf(layers, fullEvery));
  return { window: tokens, windowedLayers: patternOf(layers, fullEvery).filter((one) => one === 1).length };
}

/** 1 for a layer with the window, 0 for one that sees all; llama-hparams.cpp, set_swa_pattern. */
function patternOf(layers: number, fullEvery: number): readonly number[] {
  return Array.from({ length: layers }, (_, il) => (fullEvery > 0 && (il + 1) % fullEvery === 0 ? 0 : 1));
}

async function writeWindowed(
  inputPath: string,
  outputPath: string,
  header: GgufHeader,
  from: string,
  window: GgufValue,
  pattern: readonly number[],
): Promise<void> {
  const to = REWRITTEN_AS[from]!;
  const heads = Number(header.metadata.get(`${from}.attention.head_count`));
  const sinks = new Uint8Array(new Float32Array(heads).fill(NO_SINK).buffer);
  const sink: Omit<TensorSource, 'name'> = { type: 'f32', shape: [heads], data: () => [sinks] };
  const added = pattern.map((_, layer) => ({ name: `blk.${layer}.attn_sinks.weight`, ...sink }));
  await copyGguf(inputPath, outputPath, {
    rename: (key) => (key.startsWith(`${from}.`) ? `${to}${key.slice(from.length)}` : key),
    metadata: new Map<string, GgufValue>([
      ['general.architecture', { type: 'string', value: to }],
      // Required; dividing by it changes nothing.
      [`${to}.logit_scale`, { type: 'f32', value: 1 }],
      [`${to}.attention.sliding_window`, window],
      [`${to}.attention.sliding_window_pattern`, { type: 'array', of: 'u32', values: pattern }],
    ]),
    added,
  });
}
