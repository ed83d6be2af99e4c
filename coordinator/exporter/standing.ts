import { Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import { recordFront } from '../../core/pareto/front.js';
import type { ResultRecord } from '../../core/result.js';
import type { RooflinePhase, RooflineRecord } from '../../core/roofline/record.js';
import type { Objective } from '../../core/sweep/spec.js';

/** A result that is exported, and whether it is on the front of its sweep; null where the sweep has no objectives. */
export interface Standing {
  readonly record: ResultRecord;
  readonly onFront: boolean | null;
}

/**
 * Where results stand among those of their sweep that are exported, each sweep by its own objectives.
 * @param objectivesOf a sweep's, by its id; empty for one that is not known any more.
 */
export function standingsOf(
  records: readonly ResultRecord[],
  objectivesOf: (sweepId: string) => readonly Objective[],
): Standing[] {
  return [...new Set(records.map(({ sweep }) => sweep.id))].flatMap((id) => {
    const own = records.filter(({ sweep }) => sweep.id === id);
    const objectives = objectivesOf(id);
    const marks = recordFront(own, objectives);
    return own.map((record, i) => ({
      record,
      onFront: objectives.length === 0 ? null : (marks[i]?.onFront ?? false),
    }));
  });
}

/** A ceiling that exported results stand under: min(peak, bandwidth · intensity), by its labels. */
interface Roof {
  readonly labels: Record<(typeof ROOF_LABELS)[number], string>;
  readonly phase: RooflinePhase;
}

const ROOF_LABELS = ['node', 'device', 'level', 'arithmetic', 'threads', 'origin'] as const;

/**
 * Adds what rooflines and Pareto charts are drawn from: where each phase stands, the roofs above it, and who is on the front.
 * @param labelsOf the labels of a result, as its other gauges have them
 */
export function addStandings(
  registers: Registry<OpenMetricsContentType>[],
  resultLabels: readonly string[],
  labelsOf: (record: ResultRecord) => Record<string, string>,
  standings: () => readonly Standing[],
): void {
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    values: () => (readonly [Record<string, string>, number])[],
  ): void => {
    const added = new Gauge({
      name: `ridgepoint_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        added.reset();
        for (const [labels, value] of values()) added.set(labels, value);
      },
    });
  };
  const phases = (of: (phase: RooflinePhase) => number) => () =>
    standings().flatMap(({ record }) =>
      (record.roofline?.phases ?? []).map(
        (phase) => [{ ...labelsOf(record), phase: phase.name }, of(phase)] as const,
      ),
    );
  const roofs = (of: (phase: RooflinePhase) => number) => () =>
    roofsOf(standings()).map(({ labels, phase }) => [labels, of(phase)] as const);

  gauge(
    'result_on_front',
    "Whether no exported result of the sweep beats this one in the sweep's objectives: 1 or 0.",
    resultLabels,
    () =>
      standings().flatMap(({ record, onFront }) =>
        onFront === null ? [] : [[labelsOf(record), onFront ? 1 : 0] as const],
      ),
  );
  gauge(
    'phase_flops_per_second',
    'FLOPs that the model asks of a phase over the time it took.',
    [...resultLabels, 'phase'],
    phases(({ flopsPerSecond }) => flopsPerSecond),
  );
  gauge(
    'phase_flops_per_byte',
    'Arithmetic intensity of a phase: FLOPs over the bytes of weights and cache that it reads.',
    [...resultLabels, 'phase'],
    phases(({ intensity }) => intensity),
  );
  gauge(
    'roof_flops_per_second',
    'Peak of the arithmetic that exported results stand under, at their threads; measured on the node or published by the maker.',
    ROOF_LABELS,
    roofs(({ peak }) => peak?.flopsPerSecond ?? 0),
  );
  gauge(
    'roof_bytes_per_second',
    'Bandwidth under the same roof, of memory, or of the last cache where what is read fits there.',
    ROOF_LABELS,
    roofs(({ bandwidth }) => bandwidth.bytesPerSecond),
  );
}

/** @returns every roof once, as the newest result knows it. */
function roofsOf(standings: readonly Standing[]): Roof[] {
  const roofs = new Map<string, Roof>();
  for (const { record } of standings) {
    const { roofline } = record;
    for (const phase of roofline?.phases ?? []) {
      if (roofline === null || phase.peak === null) continue;
      const labels = roofLabels(record, roofline, phase, phase.peak.arithmetic);
      roofs.set(JSON.stringify(labels), { labels, phase });
    }
  }
  return [...roofs.values()];
}

function roofLabels(
  { node, device }: ResultRecord,
  { threads, ceilings }: RooflineRecord,
  { bandwidth }: RooflinePhase,
  arithmetic: string,
): Roof['labels'] {
  return {
    node: node.name,
    device: device.id,
    level: bandwidth.level,
    arithmetic,
    threads: String(threads),
    origin: ceilings.origin,
  };
}
