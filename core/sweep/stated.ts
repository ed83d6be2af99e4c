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
 * The experiment of a record is anybody's words until it is held against what a sweep can state: whoever runs or deploys it asks here first.
 * Options that this release does not know are of another one, and nothing reads them.
 * @returns in a clause the first option that no sweep can state; null = there is none.
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
