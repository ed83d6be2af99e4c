import type { RooflinePhase, RooflineRecord } from '../core/result/roofline-record.js';
import { type Warning, warn } from '../core/result/warnings.js';
import { isFitted } from '../core/runners/index.js';
import type { Capability } from '../core/workloads/capability.js';
import { workloadNamed } from '../core/workloads/index.js';
import { median } from '../statistics/quantile.js';
import { type Entries, type Entry, missing, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

/**
 * The phases whose place under the roofs has metrics, the capability that their workloads need, and why
 * others have none. Metrics of a call of an op are in kernel.ts.
 */
const PHASES = {
  prefill: { needs: 'generator', reason: NOT_APPLICABLE.prefill },
  decode: { needs: 'generator', reason: NOT_APPLICABLE.decode },
  serve: { needs: 'endpoint', reason: NOT_APPLICABLE.serving },
  forward: { needs: 'trainer', reason: NOT_APPLICABLE.training },
  backward: { needs: 'trainer', reason: NOT_APPLICABLE.training },
  infer: { needs: 'tensor-graph', reason: NOT_APPLICABLE.inference },
} as const;
type PhaseName = keyof typeof PHASES;

const NOT_STREAMED = 'no answer came in chunks, so that its parts have no times';

/** Capabilities of workloads that read and write, too, and why these phases may have no place there. */
const OTHER_GENERATORS: ReadonlyMap<Capability | undefined, string> = new Map([
  ['endpoint', NOT_STREAMED],
  ['greedy-generator', 'the work of continued answers is not counted'],
]);

export interface RooflineFindings extends Findings {
  readonly roofline: RooflineRecord | null;
  /** Why there is none; null if there is one, or if the workload cannot have one. */
  readonly absent: string | null;
}

/**
 * The metrics of a row's place under its roofs, and of its prediction compared with the measurement.
 * @param placed the row under the ceilings of its device, or why there is none.
 */
export function rooflineFindings(evidence: Evidence, placed: RooflineRecord | string): RooflineFindings {
  const why = typeof placed === 'string' ? placed : '';
  const roofline = typeof placed === 'string' ? null : placed;
  return {
    entries: entriesOf(evidence, roofline, why),
    warnings: roofline === null ? [] : [...aboveRoof(roofline), ...disturbedRoofs(evidence.input, roofline)],
    roofline,
    absent: roofline === null ? why : null,
  };
}

/** @param origin of the roofs. */
function predictionSource(
  experiment: Evidence['input']['experiment'],
  roofline: RooflineRecord | null,
  origin: string,
): string {
  if (isFitted(experiment)) return origin;
  return roofline?.predictedBy ?? `${origin}, without factors`;
}

function entriesOf(
  { repeats, input, outcome }: Evidence,
  roofline: RooflineRecord | null,
  why: string,
): Entries {
  const { experiment, training } = input;
  const origin = roofline === null ? null : `${roofline.ceilings.origin} ${roofline.ceilings.id}`;
  const predictedBy = origin === null ? null : predictionSource(experiment, roofline, origin);
  const phaseOf = (name: PhaseName) => roofline?.phases.find((phase) => phase.name === name) ?? null;
  const secondsOf = (name: PhaseName): readonly number[] => {
    if (name === 'serve') return [];
    if (name === 'infer') return (input.inference?.runSeconds ?? []).map((seconds) => median(seconds));
    return name === 'prefill' || name === 'decode'
      ? repeats.flatMap((repeat) => repeat[name]?.seconds ?? [])
      : (training?.stepSeconds[name].slice(outcome.warmups) ?? []);
  };
  const asked = workloadNamed(experiment.workload.kind)?.needs;
  const notAskedReason = (name: PhaseName) => {
    const { needs, reason } = PHASES[name];
    const others = needs === 'generator' ? OTHER_GENERATORS.get(asked) : undefined;
    return why === '' || (others === undefined && asked !== needs) ? (others ?? reason) : why;
  };
  const entry = (name: PhaseName, of: (phase: RooflinePhase) => number | null, reason = '') => {
    const phase = phaseOf(name);
    if (phase === null) return missing(notAskedReason(name));
    return single(of(phase), reason, predictedBy);
  };
  /**
   * It has the range of the prediction's likely error, and a note if it goes beyond the models on which the
   * factors were fitted.
   */
  const prediction = (name: PhaseName, per: number): Entry => {
    const seconds = ({ predictedSeconds }: RooflinePhase) =>
      predictedSeconds === null ? null : predictedSeconds / per;
    const found = entry(name, seconds, noPrediction(name));
    const error = phaseOf(name)?.predictionError;
    if (found.value === null || error === undefined) return found;
    const { ratio, beyond } = error;
    const source = beyond.length === 0 ? found.source : `${found.source}, extrapolated: ${beyond.join(', ')}`;
    return { ...found, source, ci95: [found.value / ratio, found.value * ratio] };
  };
  /** One value per repeat, from the value at the median. */
  const spread = (name: PhaseName, of: (phase: RooflinePhase) => number | null, reason: string): Entry => {
    const phase = phaseOf(name);
    const middle = phase === null ? null : of(phase);
    if (phase === null) return missing(notAskedReason(name));
    if (middle === null) return missing(reason);
    const values = secondsOf(name).map((one) => (middle * phase.measuredSeconds) / one);
    // Of a server there is one time of each.
    if (values.length === 0) return single(middle, reason, origin);
    return withValue(perRepeat(values, reason, origin), middle);
  };
  const noPeak = 'the peak of the arithmetic is not known';
  const noFactors =
    roofline?.ceilings.origin === 'published'
      ? 'factors are relative to measured roofs'
      : (input.absent.factors ?? 'no factors were fitted on this device');
  const noPrediction = (name: PhaseName) => phaseOf(name)?.notPredicted ?? noFactors;
  const steps = input.serving === undefined ? (input.tokenSeconds[0]?.length ?? 0) : 1;
  return {
    prefillModelFlopsUtilizationRatio: spread('prefill', ({ mfu }) => mfu, noPeak),
    decodeModelFlopsUtilizationRatio: spread('decode', ({ mfu }) => mfu, noPeak),
    decodeModelBandwidthUtilizationRatio: spread('decode', ({ mbu }) => mbu, ''),
    forwardModelFlopsUtilizationRatio: spread('forward', ({ mfu }) => mfu, noPeak),
    backwardModelFlopsUtilizationRatio: spread('backward', ({ mfu }) => mfu, noPeak),
    forwardRoofRatio: spread('forward', ({ roofRatio }) => roofRatio, ''),
    backwardRoofRatio: spread('backward', ({ roofRatio }) => roofRatio, ''),
    prefillRoofRatio: spread('prefill', ({ roofRatio }) => roofRatio, ''),
    decodeRoofRatio: spread('decode', ({ roofRatio }) => roofRatio, ''),
    inferenceRoofRatio: spread('infer', ({ roofRatio }) => roofRatio, ''),
    inferenceModelFlopsUtilizationRatio: spread('infer', ({ mfu }) => mfu, noPeak),
    servingRoofRatio: spread('serve', ({ roofRatio }) => roofRatio, ''),
    servingModelFlopsUtilizationRatio: spread('serve', ({ mfu }) => mfu, noPeak),
    servingModelBandwidthUtilizationRatio: spread('serve', ({ mbu }) => mbu, ''),
    predictedPrefillSeconds: prediction('prefill', 1),
    predictedTimePerOutputTokenSeconds: prediction('decode', steps),
    prefillPredictionErrorRatio: entry('prefill', errorOf, noPrediction('prefill')),
    decodePredictionErrorRatio: entry('decode', errorOf, noPrediction('decode')),
  };
}

/**
 * A roof is an upper limit. If a row is above it by more than repeats differ, the roof is wrong or the work
 * is overcounted.
 */
const MOST_ROOF_RATIO = 1.05;

/** One warning for all phases and metrics above their roof. */
function aboveRoof({ ceilings, phases }: RooflineRecord): Warning[] {
  const above = phases.filter(({ roofRatio }) => roofRatio > MOST_ROOF_RATIO);
  if (above.length === 0) return [];
  const shares = above.map(
    ({ name, roofRatio, boundLevel }) =>
      `${name} at ${(roofRatio * 100).toFixed(0)} % of its roof (${boundLevel})`,
  );
  const why =
    ceilings.origin === 'published'
      ? 'the catalogue’s figure is too low or the work is overcounted'
      : 'the roof was measured on a disturbed machine or the work is overcounted: measure roofs again with `ridge roofs`';
  return [warn('above-roof', `${shares.join(', ')}: ${why}`)];
}

/** Warns if roofs or factors of the row were measured on a disturbed machine. */
function disturbedRoofs(
  { roofs, given }: Evidence['input'],
  { ceilings, factors }: RooflineRecord,
): Warning[] {
  const isDisturbed = ({ code }: { readonly code: string }) => code === 'disturbed';
  const all = [roofs, ...(given.roofline?.others ?? []).map((other) => other.roofs)];
  const ofRoofs =
    ceilings.origin === 'measured' ? all.flatMap((one) => one?.warnings ?? []).filter(isDisturbed) : [];
  if (ofRoofs.length > 0) return [warn('roofs-disturbed', `roofs: ${ofRoofs[0]!.message}`)];
  const ofFactors = factors === null ? [] : (given.roofline?.factors?.warnings ?? []).filter(isDisturbed);
  return ofFactors.map(({ message }) => warn('roofs-disturbed', `factors of the prediction: ${message}`));
}

/** Predicted over measured time, minus one: 0.1 = the prediction is a tenth too slow. */
function errorOf({ predictedSeconds, measuredSeconds }: RooflinePhase): number | null {
  return predictedSeconds === null ? null : predictedSeconds / measuredSeconds - 1;
}

function withValue(entry: Entry, value: number): Entry {
  return entry.value === null ? entry : { ...entry, value };
}
