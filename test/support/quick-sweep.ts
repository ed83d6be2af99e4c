import { stringify } from 'yaml';

export interface Changes {
  readonly name?: string;
  readonly models?: readonly unknown[];
  readonly techniques?: Record<string, unknown>;
  readonly runner?: Record<string, unknown>;
  readonly workload?: Record<string, unknown>;
  readonly measure?: Record<string, unknown>;
}

/** A sweep of one quick real experiment, with changes. */
export function sweep(changes: Changes = {}): string {
  return stringify({
    apiVersion: 'ridgepoint.dev/v1',
    kind: 'Sweep',
    metadata: { name: changes.name ?? 'bad' },
    spec: {
      models: changes.models ?? [TINY],
      ...(changes.techniques && { techniques: changes.techniques }),
      runners: [{ kind: 'llama-cpp', threads: 1, ...changes.runner }],
      workloads: [{ kind: 'latency', promptTokens: 8, generateTokens: 2, ...changes.workload }],
      measure: {
        starts: 1,
        minRepeats: 2,
        maxRepeats: 2,
        maxWarmups: 1,
        maxSpread: 100,
        meters: 'off',
        trialTimeoutSeconds: 30,
        ...changes.measure,
      },
      placement: { driftControl: false },
    },
  });
}

export const TINY = { name: 'tiny', source: 'builtin:tiny' };
