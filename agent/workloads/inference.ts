import { failed } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { readSizes } from '../../core/inference/sizes.js';
import { inference as kind } from '../../core/workloads/inference.js';
import type { GraphRequest } from '../../engines/runners/runner.js';
import { repeatCalls } from './calls.js';
import type { Workload } from './workload.js';

/** A graph, again and again: a repeat is a number of runs, each timed by itself. */
export const inference: Workload<'tensor-graph'> = {
  kind: 'inference',
  needs: 'tensor-graph',

  demands(options) {
    return { graph: graphRequest(options) };
  },

  async run(ready, _options, context) {
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
};

/** @returns what the options of one point ask for, defaults filled in. @throws ZodError, FailureError `impossible-combination`. */
function graphRequest(options: Options): GraphRequest {
  const { items, size, sizes, inputSeed } = kind.options.parse(options) as Record<string, unknown>;
  const named = sizes === null ? new Map<string, number>() : readSizes(String(sizes));
  if (typeof named === 'string') throw failed('impossible-combination', `sizes cannot be read: ${named}`);
  const lengths = Object.fromEntries(named);
  return { items: Number(items), size: Number(size), sizes: lengths, seed: Number(inputSeed) };
}
