import { failed } from '../../core/errors.js';
import type { Workload } from './workload.js';

/**
 * Every workload this agent knows, imported when a trial has it: a new one is a new file and one line here.
 */
const WORKLOADS: Readonly<Record<string, () => Promise<Workload>>> = {
  latency: async () => (await import('./latency.js')).latency,
  generation: async () => (await import('./generation.js')).generation,
  finetune: async () => (await import('./finetune.js')).finetune,
  kernel: async () => (await import('./kernel.js')).kernel,
  serving: async () => (await import('./serving.js')).serving,
  inference: async () => (await import('./inference.js')).inference,
  embedding: async () => (await import('./embedding.js')).embedding,
  graph: async () => (await import('./graph.js')).graph,
};

export const WORKLOAD_KINDS: readonly string[] = Object.keys(WORKLOADS);

/**
 * @returns the workload; throws FailureError `impossible-combination` for a kind this agent does not know.
 */
export async function workloadNamed(kind: string): Promise<Workload> {
  if (Object.hasOwn(WORKLOADS, kind)) return await WORKLOADS[kind]!();
  throw failed(
    'impossible-combination',
    `this agent has no workload ${kind}`,
    `It has ${WORKLOAD_KINDS.join(', ')}; a newer sweep may need a newer agent.`,
  );
}
