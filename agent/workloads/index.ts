import { FailureError, failure } from '../../core/errors.js';
import { finetune } from './finetune.js';
import { inference } from './inference.js';
import { kernel } from './kernel.js';
import { latency } from './latency.js';
import { serving } from './serving.js';
import type { Workload } from './workload.js';

/** Every workload this agent knows: a new one is a new file and one line here. */
const WORKLOADS: readonly Workload[] = [latency, finetune, kernel, serving, inference];

export const WORKLOAD_KINDS: readonly string[] = WORKLOADS.map((workload) => workload.kind);

/** @returns the workload; throws FailureError `impossible-combination` for a kind this agent does not know. */
export function workloadNamed(kind: string): Workload {
  const workload = WORKLOADS.find((known) => known.kind === kind);
  if (workload !== undefined) return workload;
  throw new FailureError(
    failure('impossible-combination', `this agent has no workload ${kind}`, {
      hint: `It has ${WORKLOAD_KINDS.join(', ')}; a newer sweep may need a newer agent.`,
    }),
  );
}
