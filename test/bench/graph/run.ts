import { join } from 'node:path';
import { readGraph } from '../../../agent/graph/files.js';
import { graph } from '../../../agent/workloads/graph.js';
import type { WorkloadContext } from '../../../agent/workloads/workload.js';
import type { GraphRecord } from '../../../core/graph/record.js';
import type { Completions } from '../../../engines/runners/opened.js';
import type { Demands } from '../../../engines/runners/runner.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';

/** Opens an engine for what a workload demands. */
export type OpenEngine = (demands: Demands['completions']) => Promise<Completions>;

export type Options = Readonly<Record<string, unknown>>;

/** Runs the applications of a graph on an engine that is opened for them, as a trial does. */
export async function run(
  open: OpenEngine,
  path: string,
  options: Options,
  kept: { readonly folder: string; readonly journal: string },
): Promise<GraphRecord> {
  const work = graph.plan({ graph: path, ...options });
  const engine = await open(work.demands);
  const context: WorkloadContext = {
    measure: {} as WorkloadContext['measure'],
    minPhaseSeconds: 0,
    stamp: () => {},
    now: monotonicSeconds,
    stopReason: () => null,
    checkStop: async () => false,
  };
  try {
    const input = {
      files: readGraph(path, null).files,
      commands: {},
      scorers: {},
      kept: {
        journal: join(kept.folder, `${kept.journal}.jsonl`),
        identity: kept.journal,
        folder: join(kept.folder, 'calls'),
      },
    };
    const { findings } = await work.run(engine, context, input);
    if (findings?.of !== 'graph') throw new Error('no graph was run');
    return findings.record;
  } finally {
    engine.close();
  }
}
