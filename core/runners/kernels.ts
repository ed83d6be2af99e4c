import { z } from 'zod';
import { threads } from '../work/cpu-options.js';
import { PLAIN, type RunnerKind } from './runner.js';

/** Ops of our own native library (kernels/ops), one at a time and without a model. */
export const kernels = {
  ...PLAIN,
  kind: 'kernels',
  summary: 'no model: runs ops of the native library, each checked before it is timed',
  options: z.strictObject({ threads }),
  devices: ['cpu', 'cuda'],
  offers: ['op'],
  formats: [],
  techniques: [],
  rules: [],
  counting: { by: 'call' },
} satisfies RunnerKind;
