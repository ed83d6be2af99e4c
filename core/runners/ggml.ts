import { z } from 'zod';
import { grouping } from '../techniques/attention.js';
import { exits } from '../techniques/layers.js';
import { requantizing } from '../techniques/quantization.js';
import { cpuBackend, poll, threads } from '../work/cpu-options.js';
import { predictTrainingMemory } from '../work/memory.js';
import { llamaCpp } from './llama-cpp.js';
import { PLAIN, type RunnerKind } from './runner.js';

/** Training graphs of our own on llama.cpp's ggml. */
export const ggml = {
  ...PLAIN,
  kind: 'ggml',
  summary: 'fine-tunes: training graphs on the ggml that comes with llama.cpp',
  options: z.strictObject({ threads, cpuBackend, poll }),
  devices: ['cpu'],
  offers: ['trainer'],
  formats: ['gguf'],
  techniques: ['quantization', 'sparsity', 'attention', 'layers'],
  rules: [requantizing, grouping, exits],
  // It trains and does not speak.
  plainRunner: llamaCpp.kind,
  memory: predictTrainingMemory,
  counting: { by: 'step' },
} satisfies RunnerKind;
