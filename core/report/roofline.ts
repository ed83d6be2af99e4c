import type { RooflinePhase, RooflineRecord } from '../roofline/record.js';
import type { Row } from './rows.js';

/** A phase of a row as a point under its roofs. */
export interface RooflinePoint {
  readonly row: Row;
  readonly phase: RooflinePhase;
  readonly roofline: RooflineRecord;
}

/** A ceiling that points of a report stand under: min(peak, bandwidth · intensity). */
export interface RoofLine {
  readonly name: string;
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
  readonly origin: RooflineRecord['ceilings']['origin'];
}

/** @returns every phase of every row that has a place. */
export function rooflinePoints(rows: readonly Row[]): RooflinePoint[] {
  return rows.flatMap((row) => {
    const { roofline } = row.trial;
    return roofline === null ? [] : roofline.phases.map((phase) => ({ row, phase, roofline }));
  });
}

/** @returns the roofs that these points stand under, each once. */
export function roofLines(points: readonly RooflinePoint[]): RoofLine[] {
  const lines = new Map<string, RoofLine>();
  for (const { phase, roofline } of points) {
    if (phase.peak === null) continue;
    const { origin, name: device } = roofline.ceilings;
    const threads = origin === 'measured' ? `, ${roofline.threads} threads` : '';
    const name = `${phase.peak.arithmetic} under ${phase.bandwidth.level} of ${device} (${origin}${threads})`;
    const { bytesPerSecond } = phase.bandwidth;
    lines.set(name, { name, origin, bytesPerSecond, flopsPerSecond: phase.peak.flopsPerSecond });
  }
  return [...lines.values()];
}

/** @returns what binds each phase of a row: `prefill int8, decode memory`; null where that is not known. */
export function boundText({ trial }: Pick<Row, 'trial'>): string | null {
  const phases = trial.roofline?.phases ?? [];
  return phases.length === 0
    ? null
    : phases.map(({ name, boundLevel }) => `${name} ${boundLevel}`).join(', ');
}

const PREFIXES = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** @returns a rate with three digits: `12.3 GFLOP/s`. */
export function rateText(value: number, unit: 'FLOP/s' | 'B/s'): string {
  const [factor, prefix] = PREFIXES.find(([least]) => value >= 0.9995 * least) ?? [1, ''];
  return `${Number((value / factor).toPrecision(3))} ${prefix}${unit}`;
}
