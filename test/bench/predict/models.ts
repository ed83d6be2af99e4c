import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { writeSynthetic } from '../../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../../core/models/synthetic.js';
import { cacheFolder } from '../../../engines/native/engines/location.js';
import { RIDGE } from '../../support/ridge.js';

export interface ModelFile {
  readonly name: string;
  readonly type: string;
  readonly path: string;
}

const TYPES = ['f16', 'q8_0', 'q6_k', 'q4_k_m', 'q4_0'] as const;

/** Shapes that ship, that are published, and one between them, from 8 million to 1.1 billion weights. */
const SHAPES: readonly { readonly name: string; readonly source: string }[] = [
  { name: '8M', source: 'builtin:small' },
  // SmolLM2-135M's layers, as wide as blocks of 256 need.
  { name: '135M', source: 'synthetic:smollm2-135m?embedding=512&heads=8&kvHeads=4' },
  {
    name: '360M',
    source: 'synthetic:llama?layers=20&embedding=1024&heads=16&kvHeads=4&feedForward=4096&vocabulary=32000',
  },
  { name: '1.1B', source: 'synthetic:tinyllama-1.1b' },
];

/** Writes the models into the cache, where the next run finds them. */
export async function modelFiles(quick: boolean): Promise<ModelFile[]> {
  const store = join(cacheFolder(), 'bench-predict');
  mkdirSync(store, { recursive: true });
  const files: ModelFile[] = [];
  for (const { name, source } of quick ? SHAPES.slice(0, 2) : SHAPES) {
    const base =
      source === 'builtin:small' ? join(builtinFolder(), 'small-f16.gguf') : join(store, `${name}-f16.gguf`);
    if (!existsSync(base)) {
      const reading = readSynthetic(source);
      if (!reading.ok) throw new Error(`${reading.reason} ${reading.hint}`);
      await writeSynthetic(base, reading.model);
    }
    for (const type of TYPES) {
      const path = type === 'f16' ? base : join(store, `${name}-${type}.gguf`);
      if (!existsSync(path)) quantize(base, path, type);
      files.push({ name, type, path });
    }
  }
  return files;
}

function quantize(from: string, to: string, type: string): void {
  const done = spawnSync(process.execPath, [RIDGE, 'quantize', from, to, '--type', type], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (done.status !== 0) throw new Error(`${from} could not be quantized to ${type}`);
}
