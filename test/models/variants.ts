import { join } from 'node:path';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import { readSpan } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';
import { type TensorSource, writeGguf } from '../../formats/gguf/writer.js';
import { readTensor } from '../../formats/tensor-data.js';
import { sound } from '../support/reading.js';

const SHAPE = 'layers=2&embedding=128&feedForward=192&vocabulary=512';

/** Architectures that models of two layers can be made of, beside those that ship. */
export const VARIANTS = ['qwen2', 'deepseek2', 'qwen3', 'gemma', 'mixtral'] as const;
export type Variant = (typeof VARIANTS)[number];

/** Writes a small model of random weights of an architecture. @returns its path. */
export async function variantOf(variant: Variant, folder: string): Promise<string> {
  const path = join(folder, `${variant}.gguf`);
  if (variant === 'qwen2' || variant === 'deepseek2') {
    await synthetic(`synthetic:${variant}?${SHAPE}`, path);
    return path;
  }
  const base = join(folder, `${variant}-base.gguf`);
  await synthetic(`synthetic:llama?${SHAPE}&heads=2&kvHeads=1&tied=true`, base);
  const { tensors, spans } = readGgufHeader(base);
  const architecture = variant === 'mixtral' ? 'llama' : variant;
  const metadata = new Map<string, GgufValue>();
  for (const [key, span] of spans) {
    metadata.set(key.replace(/^llama\./, `${architecture}.`), {
      type: 'encoded',
      bytes: await readSpan(base, span),
    });
  }
  metadata.set('general.architecture', { type: 'string', value: architecture });
  if (variant === 'mixtral') {
    metadata.set('llama.expert_count', { type: 'u32', value: 4 });
    metadata.set('llama.expert_used_count', { type: 'u32', value: 2 });
  }
  const copied = tensors
    .filter(({ name }) => variant !== 'mixtral' || !/ffn_(gate|up|down)/.test(name))
    .map((tensor) => ({ ...tensor, data: () => readTensor(tensor) }));
  await writeGguf(path, {
    metadata,
    tensors: [...copied, ...[0, 1].flatMap((block) => added(variant, block))],
  });
  return path;
}

function added(variant: Variant, block: number): TensorSource[] {
  const tensor = (name: string, shape: readonly number[]): TensorSource => ({
    name: `blk.${block}.${name}.weight`,
    type: 'f32',
    shape,
    data: () => [
      new Uint8Array(
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i % 7) - 3) / 20).buffer,
      ),
    ],
  });
  if (variant === 'qwen3') return ['attn_q_norm', 'attn_k_norm'].map((name) => tensor(name, [64]));
  if (variant !== 'mixtral') return [];
  return [
    tensor('ffn_gate_inp', [128, 4]),
    tensor('ffn_gate_exps', [128, 192, 4]),
    tensor('ffn_up_exps', [128, 192, 4]),
    tensor('ffn_down_exps', [192, 128, 4]),
  ];
}

async function synthetic(source: string, path: string): Promise<void> {
  const reading = sound(readSynthetic(source));
  await writeSynthetic(path, reading.model);
}
