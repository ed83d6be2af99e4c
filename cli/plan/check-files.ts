import { fileChecks } from '../../artifacts/door/open.js';
import { type Failure, toFailure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { isMissing, type ModelSettings } from '../local-models.js';
import { FOREGROUND } from '../single/foreground.js';
import type { PlanWarning } from './warning.js';

/**
 * Looks for the files that techniques and workloads of experiments name, and holds adapters against their
 * models.
 * @returns a warning for each error, and the ids of the experiments that cannot run by it: what is only
 *   missing here may lie on a node.
 */
export async function fileWarnings(
  experiments: readonly Experiment[],
  settings: ModelSettings,
): Promise<{ readonly warnings: readonly PlanWarning[]; readonly broken: ReadonlySet<string> }> {
  const checked = new Map<string, Promise<Failure | null>>();
  const checkedOnce = (key: string, check: () => Promise<unknown>) => {
    const known = checked.get(key) ?? failureOf(check);
    checked.set(key, known);
    return known;
  };
  const found = new Map<string, { readonly failure: Failure; experiments: number }>();
  const broken = new Set<string>();
  for (const experiment of experiments) {
    for (const { key, check } of fileChecks(experiment, { ...settings, ...FOREGROUND })) {
      const failure = await checkedOnce(key, check);
      if (failure === null) continue;
      if (!isMissing(failure)) broken.add(experiment.id);
      const before = found.get(failure.message)?.experiments ?? 0;
      found.set(failure.message, { failure, experiments: before + 1 });
    }
  }
  const warnings = [...found.values()].map(({ failure, experiments: count }) => ({
    code: failure.code,
    message: failure.message,
    experiments: count,
    blocks: !isMissing(failure),
    notHere: isMissing(failure),
  }));
  return { warnings, broken };
}

async function failureOf(check: () => Promise<unknown>): Promise<Failure | null> {
  try {
    await check();
    return null;
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code === 'internal') throw error;
    return failure;
  }
}
