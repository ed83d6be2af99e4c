import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { locateSource } from '../../artifacts/files/source.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { usedBy } from '../graph/allowed.js';
import { readGraph } from '../graph/files.js';
import type { GraphInput } from '../workloads/workload.js';
import type { TrialRun } from './context.js';

/**
 * Reads the graph that a trial runs, before anything is timed: an error costs no measurement.
 * @returns null for workloads that run none.
 * @throws FailureError `impossible-combination` with every error, `source-not-allowed`, `model-missing`.
 */
export async function graphOf({ lease, node }: TrialRun): Promise<GraphInput | null> {
  const { experiment, sweepId, position, purpose, start = 0 } = lease;
  const { kind, options } = experiment.workload;
  if (workloadNamed(kind)?.needs !== 'completions') return null;
  const settings = typeof options.settings === 'string' ? options.settings : null;
  const path = locateSource(String(options.graph), node.models);
  const read = readGraph(path, settings, (one) => locateSource(one, node.models));
  // An attempt that was killed is followed by one at the same position of the sweep, which continues where it
  // was.
  const place = JSON.stringify([experiment.id, sweepId, position, purpose, start, read.digest]);
  const identity = createHash('sha256').update(place).digest('hex').slice(0, 24);
  const { cacheFolder } = node.models;
  const journal = join(cacheFolder, 'graphs', `${identity}.jsonl`);
  return {
    files: read.files,
    ...usedBy(read.graph, node),
    kept: { journal, identity, folder: join(cacheFolder, 'calls') },
  };
}

/** The calls are in the store, and its reference in the outcome: nobody goes on there. */
export function dropJournal(graph: GraphInput | null): void {
  if (graph !== null) rmSync(graph.kept.journal, { force: true });
}
