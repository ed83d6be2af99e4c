import { embedding } from './embedding.js';
import { finetune } from './finetune.js';
import { generation } from './generation.js';
import { graph } from './graph.js';
import { inference } from './inference.js';
import { kernel } from './kernel.js';
import { latency } from './latency.js';
import { serving } from './serving.js';
import type { WorkloadKind } from './workload.js';

/** Every workload a sweep can name; a new kind is one file and one line here. */
export const WORKLOADS: readonly WorkloadKind[] = [
  latency,
  generation,
  finetune,
  kernel,
  serving,
  inference,
  embedding,
  graph,
];

/** @returns the kind, or undefined for a name that is not one. */
export function workloadNamed(kind: string): WorkloadKind | undefined {
  return WORKLOADS.find((workload) => workload.kind === kind);
}
