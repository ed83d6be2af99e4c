import type { OptionsOf } from '../../core/experiment/options.js';
import { axisOf } from '../../core/kernels/axes.js';
import { OPS } from '../../core/kernels/gen/ops.js';
import { kernel as description } from '../../core/workloads/kernel.js';
import type { KernelRequest } from '../../engines/runners/runner.js';
import { repeatCalls } from './calls.js';
import { defineWorkload } from './workload.js';

/** An op, again and again: a repeat is a number of calls, each timed by itself. */
export const kernel = defineWorkload(description, (options) => ({
  demands: { kernel: kernelRequest(options) },

  async run(ready, context) {
    const { callSeconds, ...outcome } = await repeatCalls(
      { call: (times) => ready.call(times), phase: 'kernel', each: 1, metric: 'kernelSeconds' },
      context,
    );
    return { ...outcome, findings: { of: 'op', record: { ...ready.record, callSeconds } } };
  },
}));

function kernelRequest(options: OptionsOf<typeof description>): KernelRequest {
  const { op, variant, elementType, cacheState } = options;
  // The axes of shapes follow from the table of ops: their names are no part of the type.
  const sizes = new Map<string, unknown>(Object.entries(options));
  const parameters = OPS.find(({ name }) => name === op)?.parameters ?? [];
  const given = parameters.flatMap(({ name }) => {
    const value = sizes.get(axisOf(name));
    return typeof value === 'number' ? [[name, value] as const] : [];
  });
  return {
    op,
    variant,
    type: elementType,
    cache: cacheState,
    shape: Object.fromEntries(given),
  };
}
