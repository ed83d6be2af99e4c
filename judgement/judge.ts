import type { ResultRecord, TrialFacts } from '../core/result/result.js';
import { gradeOf, type Warning, warn } from '../core/result/warnings.js';
import { efficiencyFindings } from './efficiency.js';
import { energyFindings } from './energy/findings.js';
import { type Entries, inUnits } from './entries.js';
import { gather, type Judgement, type Placement } from './evidence.js';
import { generationFindings } from './generation.js';
import { graphFindings } from './graph.js';
import { inferenceFindings } from './inference.js';
import { kernelFindings } from './kernel.js';
import { machineFindings } from './machine.js';
import { qualityFindings } from './quality.js';
import { rooflineFindings } from './roofline.js';
import { servingFindings } from './serving.js';
import { speedFindings } from './speed.js';
import { isThinned } from './thin.js';
import { trainingFindings } from './training.js';

/**
 * Turns raw readings into the measurements, warnings and validity of a result. Pure: the same input gives the
 * same judgement everywhere and at any time, on which `ridge report --recompute` relies.
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
    // Before energy, which has a metric of drafts, too.
    generationFindings(evidence),
    energyFindings(evidence),
    machineFindings(evidence),
    trainingFindings(evidence),
    kernelFindings(evidence, placement),
    inferenceFindings(evidence),
    graphFindings(evidence),
    qualityFindings(facts),
    efficiencyFindings(evidence),
    // These come after the findings of a trial's own process, so that they replace the metrics that a server
    // measures in another way.
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
 * Judges a record again from its raw readings. That reproduces its numbers, unless somebody changed them. If
 * the record lacks `given` or part of the raw samples, it is returned unchanged (see `canRecompute`).
 */
export function recomputeWith(place: Placement, record: ResultRecord): ResultRecord {
  return canRecompute(record) ? { ...record, ...judgeWith(place, record) } : record;
}

/** False if a record does not contain everything that its figures were computed from. */
export function canRecompute(record: ResultRecord): record is ResultRecord & TrialFacts {
  return record.given !== undefined && !isThinned(record);
}
