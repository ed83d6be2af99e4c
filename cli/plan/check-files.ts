import { requireAdapterFits } from '../../artifacts/adapters/load.js';
import { locateAdapter } from '../../artifacts/adapters/source.js';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { locateText } from '../../artifacts/files/text.js';
import { type Failure, toFailure } from '../../core/errors.js';
import type { Experiment, ModelRef } from '../../core/experiment/experiment.js';
import { isRemote } from '../../core/models/remote.js';
import { runnerNamed } from '../../core/runners/index.js';
import { type AdapterSpec, readAdapter } from '../../core/techniques/adapter.js';
import { chainSteps } from '../../core/techniques/chain.js';
import { inspectModel, isMissing } from '../local-models.js';
import type { PlanWarning } from './warning.js';

/**
 * Looks for the files that techniques and workloads of experiments name, and holds adapters against their models.
 * @returns a warning for each error, and the ids of the experiments that cannot run by it: what is only missing here may
 *   lie on a node.
 */
export async function fileWarnings(
  experiments: readonly Experiment[],
  settings: ModelSettings,
): Promise<{ readonly warnings: readonly PlanWarning[]; readonly broken: ReadonlySet<string> }> {
  const checked = new Map<string, Promise<Failure | null>>();
  const once = (key: string, check: () => Promise<unknown>) => {
    const known = checked.get(key) ?? failureOf(check);
    checked.set(key, known);
    return known;
  };
  const found = new Map<string, { readonly failure: Failure; experiments: number }>();
  const broken = new Set<string>();
  for (const experiment of experiments) {
    for (const { key, check } of checksOf(experiment, settings)) {
      const failure = await once(key, check);
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
  }));
  return { warnings, broken };
}

interface Check {
  /** The same for experiments that ask the same. */
  readonly key: string;
  readonly check: () => Promise<unknown>;
}

function checksOf({ model, technique, workload, runner }: Experiment, settings: ModelSettings): Check[] {
  const checks: Check[] = [];
  const text = (source: string) =>
    checks.push({ key: `text ${source}`, check: async () => locateText(source, settings) });
  if (typeof workload.options.text === 'string') text(workload.options.text);
  const steps = chainSteps(technique, model.facts, runnerNamed(runner.kind)?.formats ?? []);
  // A word that cannot be read was refused when the file was.
  for (const step of steps.ok ? steps.value : []) {
    if (step.kind === 'prune' && step.spec.calibration !== null) text(step.spec.calibration.text);
    if (step.kind === 'quantize' && step.spec.importance !== null) text(step.spec.importance.text);
  }
  const adapter = readAdapter(technique.adapter);
  if (!adapter.ok || adapter.value === null) return checks;
  const { value: spec } = adapter;
  // Heads are grouped before: an adapter then has to fit what that leaves, and of a converted model what that makes.
  const regrouped = steps.ok && steps.value.some(({ kind }) => kind === 'group-heads' || kind === 'convert');
  checks.push({
    key: `adapter ${model.name} ${technique.adapter} ${regrouped}`,
    check: () => checkAdapters(spec, regrouped ? null : model, settings),
  });
  return checks;
}

/** @param model null where the shapes that the adapters have to fit are not known. */
async function checkAdapters(
  { parts, mode }: AdapterSpec,
  model: ModelRef | null,
  settings: ModelSettings,
): Promise<void> {
  const base = model === null ? null : await openedHere(model, settings);
  for (const { source } of parts) {
    const { place } = await locateAdapter(source, settings);
    if (base !== null && model !== null)
      await requireAdapterFits({ source, place, baseName: model.name }, base, mode === 'attached');
  }
}

/** @returns null for a model that is not here. Points whose runner does not open its format are none of the plan's. */
async function openedHere(model: ModelRef, settings: ModelSettings) {
  return model.facts === null || isRemote(model.source) ? null : await inspectModel(model.source, settings);
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
