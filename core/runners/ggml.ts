import { z } from 'zod';
import { grouping } from '../techniques/attention.js';
import { requantizing } from '../techniques/quantization.js';
import { cpuBackend, poll, threads } from './cpu-options.js';
import type { RunnerKind } from './runner.js';

/** Training graphs of our own on llama.cpp's ggml. */
export const ggml: RunnerKind = {
  kind: 'ggml',
  summary: 'fine-tunes: training graphs on the ggml that comes with llama.cpp',
  options: z.strictObject({ threads, cpuBackend, poll }),
  devices: ['cpu'],
  techniques: ['quantization', 'sparsity', 'attention'],
  workloads: ['finetune'],
  opensModel: true,
  rules: [requantizing, grouping],
  alsoKnownAs: {},
};
