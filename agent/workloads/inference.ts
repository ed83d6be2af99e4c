import { failed } from '../../core/errors.js';
import type { OptionsOf } from '../../core/experiment/options.js';
import { readSizes } from '../../core/inference/sizes.js';
import { inference as description } from '../../core/workloads/inference.js';
import type { GraphRequest } from '../../engines/runners/runner.js';
import { repeatCalls } from './calls.js';
import { defineWorkload } from './workload.js';

/** A graph, again and again: a repeat is a number of runs, each timed by itself. */
export const inference = defineWorkload(description, (options) => ({
  demands: { graph: graphRequest(options) },

  async run(ready, context) {
    const call = (times: number) => ready.call(times);
    const { callSeconds, ...outcome } = await repeatCalls(
      { call, phase: 'infer', each: ready.record.items, metric: 'inferenceP50Seconds' },
      context,
    );
    return {
      ...outcome,
      findings: { of: 'inference', record: { ...ready.record, runSeconds: callSeconds } },
    };
  },
}));

/** @throws FailureError `impossible-combination` for sizes that cannot be read. */
function graphRequest({ items, size, sizes, inputSeed }: OptionsOf<typeof description>): GraphRequest {
  const named = sizes === null ? new Map<string, number>() : readSizes(sizes);
  if (typeof named === 'string') throw failed('impossible-combination', `sizes cannot be read: ${named}`);
  return { items, size, sizes: Object.fromEntries(named), seed: inputSeed };
}
