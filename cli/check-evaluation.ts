import { type NodeCommands, usedBy } from '../agent/graph/allowed.js';
import { readGraph } from '../agent/graph/files.js';
import { evaluationOf } from '../agent/quality/policy.js';
import type { Scorers } from '../agent/quality/scorers.js';
import type { ModelSettings } from '../artifacts/files/resolve.js';
import { locateSource } from '../artifacts/files/source.js';
import { toFailure } from '../core/errors.js';
import type { Sweep } from '../core/sweep/spec.js';
import { workloadNamed } from '../core/workloads/index.js';
import { EXIT, fromFailure } from './exit.js';
import { isMissing } from './local-models.js';

/**
 * Reads what a sweep asks about answers: an error in a task file would otherwise fail every trial of hours.
 * @param onMissing called for what is not on this machine; without it that is an error.
 * @throws CommandError (2) with every error of every file.
 */
export async function checkEvaluation(
  { quality }: Sweep,
  settings: ModelSettings,
  scorers: Scorers,
  onMissing?: (why: string) => void,
): Promise<void> {
  if (quality === null) return;
  await evaluationOf(quality, settings, scorers).catch((error: unknown) => tell(error, onMissing));
}

/**
 * Reads the graphs that a sweep names, at each of its settings.
 * @param node what its configuration lets graphs run.
 * @param onMissing as above. @throws CommandError (2) with every error of the first graph that has some.
 */
export function checkGraphs(
  { workloads }: Sweep,
  settings: ModelSettings,
  node: NodeCommands,
  onMissing?: (why: string) => void,
): void {
  for (const { kind, axes } of workloads) {
    if (workloadNamed(kind)?.needs !== 'completions') continue;
    const valuesOf = (name: string) => axes.find((axis) => axis.name === name)?.values ?? [null];
    for (const graph of valuesOf('graph')) {
      for (const changed of valuesOf('settings')) {
        if (typeof graph !== 'string') continue;
        try {
          const locate = (path: string) => locateSource(path, settings);
          usedBy(readGraph(locate(graph), changed === null ? null : String(changed), locate).graph, node);
        } catch (error) {
          tell(error, onMissing);
        }
      }
    }
  }
}

function tell(error: unknown, onMissing: ((why: string) => void) | undefined): void {
  const reason = toFailure(error);
  if (reason.code === 'internal') throw error;
  if (onMissing === undefined || !isMissing(reason)) throw fromFailure(reason, EXIT.usage);
  onMissing(reason.message);
}
