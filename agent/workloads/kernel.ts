import type { Options } from '../../core/experiment/experiment.js';
import { axisOf } from '../../core/kernels/axes.js';
import { OPS } from '../../core/kernels/gen/ops.js';
import { kernel as kind } from '../../core/workloads/kernel.js';
import type { KernelRequest } from '../../engines/runners/runner.js';
import { repeatCalls } from './calls.js';
import type { Workload } from './workload.js';

/** An op, again and again: a repeat is a number of calls, each timed by itself. */
export const kernel: Workload<'op'> = {
  kind: 'kernel',
  needs: 'op',

  demands(options) {
    return { kernel: kernelRequest(options) };
  },

  async run(ready, _options, context) {
    const { callSeconds, ...outcome } = await repeatCalls(
      { call: (times) => ready.call(times), phase: 'kernel', each: 1, metric: 'kernelSeconds' },
      context,
    );
    return { ...outcome, findings: { of: 'op', record: { ...ready.record, callSeconds } } };
  },
};

/** @returns what the options of one point ask for, defaults filled in. @throws ZodError */
function kernelRequest(options: Options): KernelRequest {
  const { op, variant, elementType, cacheState, ...sizes } = kind.options.parse(options) as Record<
    string,
    unknown
  >;
  const parameters = OPS.find(({ name }) => name === op)?.parameters ?? [];
  const given = parameters.flatMap(({ name }) => {
    const value = sizes[axisOf(name)];
    return typeof value === 'number' ? [[name, value] as const] : [];
  });
  return {
    op: op as string,
    variant: variant as string,
    type: elementType as KernelRequest['type'],
    cache: cacheState as KernelRequest['cache'],
    shape: Object.fromEntries(given),
  };
}
