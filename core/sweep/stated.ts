import type { AxisValue, Experiment, Options } from '../experiment/experiment.js';
import { quote } from '../quote.js';
import { runnerNamed } from '../runners/index.js';
import { workloadNamed } from '../workloads/index.js';

type Kind = {
  readonly options: {
    readonly shape: Readonly<Record<string, { safeParse(value: unknown): { success: boolean } }>>;
  };
};

/**
 * Anybody can write a record. So before its experiment is run or deployed, its options are checked as those
 * of a sweep are. Options that this release does not know are left alone: nothing reads them.
 * @returns a clause about the first option with a value that no sweep can have; null = there is none.
 */
export function optionProblem({ runner, workload }: Pick<Experiment, 'runner' | 'workload'>): string | null {
  return (
    firstProblem(runner.kind, runnerNamed(runner.kind), runner.options) ??
    firstProblem(workload.kind, workloadNamed(workload.kind), workload.options)
  );
}

function firstProblem(kind: string, known: Kind | undefined, options: Options): string | null {
  const bad = Object.entries(options).find(([name, value]) => isOutside(known, name, value));
  return bad === undefined ? null : `${kind} has no ${bad[0]} ${quote(String(bad[1]))}`;
}

function isOutside(known: Kind | undefined, name: string, value: AxisValue): boolean {
  if (known === undefined || !Object.hasOwn(known.options.shape, name)) return false;
  return !known.options.shape[name]!.safeParse(value).success;
}
