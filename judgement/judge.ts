import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import type { RooflineRecord } from '../core/result/roofline-record.js';
import { gradeOf, type Warning, warn } from '../core/result/warnings.js';
import { median, quantile } from '../statistics/quantile.js';
import { efficiencyFindings } from './efficiency.js';
import { energyFindings } from './energy/findings.js';
import { type Entries, inUnits, perRepeat, single } from './entries.js';
import { type Evidence, type Findings, gather, type Judgement, type Placement } from './evidence.js';
import { graphFindings } from './graph.js';
import { machineFindings } from './machine.js';
import { NOT_APPLICABLE } from './not-applicable.js';
import { qualityFindings } from './quality.js';
import { rooflineFindings } from './roofline.js';
import { servingFindings } from './serving.js';
import { speedFindings } from './speed.js';
import { isThinned } from './thin.js';
import { trainingFindings } from './training.js';

/**
 * Turns raw readings into the measurements, warnings and validity of a result. Pure: the same input gives
 * the same judgement wherever and whenever it is asked, which `ridge report --recompute` relies on.
 *
 * Every metric of the catalogue gets an entry: a number, or null with the reason. A trial that did not
 * complete has no numbers at all and is never valid.
 * @param place puts the row under the roofs of its device.
 */
export function judgeWith(place: Placement, facts: TrialFacts): Judgement {
  const evidence = gather(facts);
  if (evidence === null) {
    return {
      measurements: inUnits({}, 'the trial did not complete'),
      warnings: [...facts.given.warnings],
      valid: false,
      roofline: null,
    };
  }
  const placement = place(evidence);
  const placed = rooflineFindings(evidence, placement);
  const findings = [
    speedFindings(evidence),
    energyFindings(evidence),
    machineFindings(evidence),
    trainingFindings(evidence),
    kernelFindings(evidence, placement),
    inferenceFindings(evidence),
    graphFindings(evidence),
    qualityFindings(evidence),
    efficiencyFindings(evidence),
    // Behind those whose metrics it has by other means.
    servingFindings(evidence),
    placed,
  ];
  const found: Entries = Object.assign({}, ...findings.map(({ entries }) => entries));
  const measurements = inUnits(found, 'not measured by this version');
  const gaps = new Map(findings.flatMap((f) => [...(f.gaps ?? [])]));
  const warnings = [...facts.given.warnings, ...findings.flatMap((f) => f.warnings), ...gapWarnings(gaps)];
  const valid = gradeOf(warnings, facts.experiment.measure.gates) !== 'invalid';
  return { measurements, warnings, valid, roofline: placed.roofline };
}

function gapWarnings(gaps: ReadonlyMap<string, number>): Warning[] {
  if (gaps.size === 0) return [];
  const list = [...gaps].map(([quantity, seconds]) => `${quantity} (${seconds.toPrecision(2)} s)`).join(', ');
  return [warn('meter-gap', `readings further apart than three periods: ${list}`)];
}

/**
 * Judges a record again from its raw readings. A record of the same version comes back equal; one that an
 * older judge wrote comes back with today's rules. Where `given` or part of the raw samples is not in the
 * record, it comes back as it is (see `canRecompute`).
 */
export function recomputeWith(place: Placement, record: ResultRecord): ResultRecord {
  return canRecompute(record) ? { ...record, ...judgeWith(place, record) } : record;
}

/** False for a record that does not hold all that its figures were computed from. */
export function canRecompute(record: ResultRecord): record is ResultRecord & TrialFacts {
  return record.given !== undefined && !isThinned(record);
}

/**
 * What a call of an op took, what it achieved, and how near the roofs of its node that is.
 * @param placement of the row under its roofs, or why there is none.
 */
function kernelFindings(evidence: Evidence, placement: RooflineRecord | string): Findings {
  const { kernel } = evidence.input;
  const perCall = kernel?.callSeconds.map((calls) => median(calls)) ?? [];
  const placed = kernel === null ? NOT_APPLICABLE.kernel : placement;
  const least = typeof placed === 'string' ? null : placed.phases[0]!.roofSeconds;
  const of = (value: (seconds: number) => number) => perRepeat(perCall.map(value), NOT_APPLICABLE.kernel);
  const entries: Entries = {
    kernelSeconds: of((seconds) => seconds),
    achievedBytesPerSecond: of((seconds) => kernel!.bytes / seconds),
    achievedFlopsPerSecond: of((seconds) => kernel!.flops / seconds),
    kernelRoofRatio: least === null ? perRepeat([], placed as string) : of((seconds) => least / seconds),
  };
  return { entries, warnings: [] };
}

/** Latency of a graph, run by run, and how many items a second went through it. */
function inferenceFindings({ input }: Evidence): Findings {
  const { inference } = input;
  const repeats = inference?.runSeconds ?? [];
  const all = repeats.flat().sort((a, b) => a - b);
  const why = NOT_APPLICABLE.inference;
  const sum = (seconds: readonly number[]) => seconds.reduce((total, one) => total + one, 0);
  const entries: Entries = {
    itemsPerSecond: perRepeat(
      repeats.map((seconds) => (inference!.items * seconds.length) / sum(seconds)),
      why,
    ),
    itemTokensPerSecond:
      inference !== undefined && inference.tokens === undefined
        ? single(null, 'the items are no texts of tokens')
        : perRepeat(
            repeats.map((seconds) => (inference!.tokens! * seconds.length) / sum(seconds)),
            why,
          ),
    inferenceP50Seconds: perRepeat(
      repeats.map((seconds) => median(seconds)),
      why,
    ),
    inferenceP99Seconds: single(all.length === 0 ? null : quantile(all, 0.99), why),
  };
  return { entries, warnings: [] };
}
