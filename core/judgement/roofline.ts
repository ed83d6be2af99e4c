import { toFailure } from '../errors.js';
import type { MetricName, Unit } from '../metrics/catalogue.js';
import type { Measurement } from '../result.js';
import { publishedCeilings } from '../roofline/ceilings.js';
import { hardwareNamed } from '../roofline/hardware/catalogue.js';
import { phaseWork } from '../roofline/phase-work.js';
import { measuredPhysics, type Physics, publishedPhysics } from '../roofline/physics.js';
import { placePhase } from '../roofline/placement.js';
import type { RooflinePhase, RooflineRecord } from '../roofline/record.js';
import { median } from '../statistics/quantile.js';
import { type Entry, missing, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { UNASKED } from './unasked.js';

type PhaseName = RooflinePhase['name'];

export interface RooflineFindings extends Findings {
  readonly roofline: RooflineRecord | null;
  /** Why there is none; null where there is one, or nobody could have asked for it. */
  readonly absent: string | null;
}

/** Places each phase under the ceilings of the device, and holds what was predicted against what was measured. */
export function rooflineFindings(evidence: Evidence): RooflineFindings {
  const placed = place(evidence);
  const why = typeof placed === 'string' ? placed : '';
  const roofline = typeof placed === 'string' ? null : placed;
  return {
    entries: entriesOf(evidence, roofline, why),
    warnings: [],
    roofline,
    absent: roofline === null ? why : null,
  };
}

/** @returns the block, or why there is none. */
function place({ input, repeats }: Evidence): RooflineRecord | string {
  const { experiment, roofline: given, device } = input;
  if (experiment.runner.kind !== 'llama-cpp' || experiment.workload.kind !== 'latency') return UNASKED.work;
  if (given === null) return input.absent.roofline ?? 'the work of the model is not known';
  const found = physicsOf(input, given.threads, given.cacheBytes);
  if (found === null) {
    return `${input.absent.roofs ?? 'no roofs were measured on this device'}, and the hardware catalogue has no ${device.name}`;
  }
  const { physics, ceilings } = found;
  const options = experiment.workload.options;
  const count = (name: string) => Number(options[name] ?? 0);
  const workload = {
    promptTokens: count('promptTokens'),
    generateTokens: count('generateTokens'),
    parallel: Math.max(1, count('parallel')),
    contextDepth: count('contextDepth'),
  };
  try {
    const phases = phaseWork(given.architecture, experiment.runner.options, workload);
    return {
      ceilings,
      threads: given.threads,
      factors: ceilings.origin === 'measured' ? (given.factors?.id ?? null) : null,
      phases: phases.flatMap((work): RooflinePhase[] => {
        const seconds = repeats.flatMap((repeat) => repeat[work.name]?.seconds ?? []);
        if (seconds.length === 0) return [];
        const profiled = input.profile?.phases.find(({ name }) => name === work.name) ?? null;
        const factors = ceilings.origin === 'measured' ? (given.factors?.factors ?? null) : null;
        return [placePhase({ work, physics, factors, measuredSeconds: median(seconds), profiled })];
      }),
    };
  } catch (error) {
    return toFailure(error).message;
  }
}

function physicsOf(
  { roofs, device, experiment }: Evidence['input'],
  threads: number,
  cacheBytes: number | null,
): { physics: Physics; ceilings: RooflineRecord['ceilings'] } | null {
  const measured =
    roofs === null
      ? null
      : measuredPhysics(roofs, { name: device.name, memoryBytes: null }, threads, cacheBytes);
  if (roofs !== null && measured !== null) {
    return { physics: measured, ceilings: { origin: 'measured', id: roofs.id, name: device.name } };
  }
  const published = hardwareNamed(device.name) ?? hardwareNamed(experiment.device.split(':')[1] ?? '');
  if (published === null) return null;
  const ceilings = { origin: 'published' as const, id: published.id, name: published.name };
  return { physics: publishedPhysics(publishedCeilings(published)), ceilings };
}

function entriesOf(
  { repeats, input }: Evidence,
  roofline: RooflineRecord | null,
  why: string,
): Partial<Record<MetricName, Entry>> {
  const origin = roofline === null ? null : `${roofline.ceilings.origin} ${roofline.ceilings.id}`;
  const phaseOf = (name: PhaseName) => roofline?.phases.find((phase) => phase.name === name) ?? null;
  const unasked = (name: PhaseName) =>
    repeats.every((repeat) => repeat[name] === null) && why === '' ? UNASKED[name] : why;
  const entry = (name: PhaseName, unit: Unit, of: (phase: RooflinePhase) => number | null, reason = '') => {
    const phase = phaseOf(name);
    if (phase === null) return missing(unit, unasked(name));
    return single(of(phase), unit, reason, origin);
  };
  /** One value per repeat, from the value at the median. */
  const spread = (name: PhaseName, of: (phase: RooflinePhase) => number | null, reason: string): Entry => {
    const phase = phaseOf(name);
    const middle = phase === null ? null : of(phase);
    if (phase === null) return missing('ratio', unasked(name));
    if (middle === null) return missing('ratio', reason);
    const seconds = repeats.flatMap((repeat) => repeat[name]?.seconds ?? []);
    const values = seconds.map((one) => (middle * phase.measuredSeconds) / one);
    return withValue(perRepeat(values, 'ratio', reason, origin), middle);
  };
  const noPeak = 'the peak of the arithmetic is not known';
  const noFactors =
    roofline?.ceilings.origin === 'published'
      ? 'factors are relative to measured roofs'
      : (input.absent.factors ?? 'no factors were fitted on this device');
  const steps = input.tokenSeconds[0]?.length ?? 0;
  return {
    prefillModelFlopsUtilizationRatio: spread('prefill', ({ mfu }) => mfu, noPeak),
    decodeModelFlopsUtilizationRatio: spread('decode', ({ mfu }) => mfu, noPeak),
    decodeModelBandwidthUtilizationRatio: spread('decode', ({ mbu }) => mbu, ''),
    prefillRoofRatio: spread('prefill', ({ roofRatio }) => roofRatio, ''),
    decodeRoofRatio: spread('decode', ({ roofRatio }) => roofRatio, ''),
    predictedPrefillSeconds: entry('prefill', 's', ({ predictedSeconds }) => predictedSeconds, noFactors),
    predictedTimePerOutputTokenSeconds: entry(
      'decode',
      's',
      ({ predictedSeconds }) => (predictedSeconds === null ? null : predictedSeconds / steps),
      noFactors,
    ),
    prefillPredictionErrorRatio: entry('prefill', 'ratio', errorOf, noFactors),
    decodePredictionErrorRatio: entry('decode', 'ratio', errorOf, noFactors),
  };
}

/** Predicted over measured, less one: 0.1 = a tenth too slow. */
function errorOf({ predictedSeconds, measuredSeconds }: RooflinePhase): number | null {
  return predictedSeconds === null ? null : predictedSeconds / measuredSeconds - 1;
}

function withValue(entry: Entry, value: number): Entry {
  return entry.value === null ? entry : ({ ...entry, value } satisfies Measurement);
}
