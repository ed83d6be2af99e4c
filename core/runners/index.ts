import { fake } from './fake.js';
import { ggml } from './ggml.js';
import { kernels } from './kernels.js';
import { llamaCpp } from './llama-cpp.js';
import type { RunnerKind } from './runner.js';
import { sparse } from './sparse.js';

/** Every runner a sweep can name; a new kind is one file and one line here. */
export const RUNNERS: readonly RunnerKind[] = [llamaCpp, ggml, sparse, fake, kernels];

/** Device classes that some runner can use. */
export const DEVICE_CLASSES: readonly string[] = [...new Set(RUNNERS.flatMap((runner) => runner.devices))];

/** @returns the kind, or undefined for a name that is not one. */
export function runnerNamed(kind: string): RunnerKind | undefined {
  return RUNNERS.find((runner) => runner.kind === kind);
}
