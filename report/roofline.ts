import type { RooflinePhase, RooflineRecord } from '../core/result/roofline-record.js';
import { atThreads } from '../roofline/at-threads.js';
import { quotedOf } from './quoted.js';
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
    return roofline === null ? [] : phasesOf(row).map((phase) => ({ row, phase, roofline }));
  });
}

const RATIOS: Readonly<Record<string, string>> = { decode: 'decodeRoofRatio', prefill: 'prefillRoofRatio' };

/**
 * @returns the phases of a row, by the number that the row quotes: those of its record are its first start's.
 */
export function phasesOf(row: Pick<Row, 'trial'>): readonly RooflinePhase[] {
  return (row.trial.roofline?.phases ?? []).map((phase) => {
    const quoted = quotedOf(row, RATIOS[phase.name] ?? '');
    const faster = quoted === null || !phase.roofRatio ? 1 : quoted.value / phase.roofRatio;
    if (faster === 1) return phase;
    return {
      ...phase,
      flopsPerSecond: phase.flopsPerSecond * faster,
      bytesPerSecond: phase.bytesPerSecond * faster,
      roofRatio: phase.roofRatio * faster,
      mfu: phase.mfu === null ? null : phase.mfu * faster,
      mbu: phase.mbu * faster,
      measuredSeconds: phase.measuredSeconds / faster,
    };
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

/** One measured roof of a machine, whether a point is bound by it or not. */
export interface NodeRoof {
  readonly kind: 'bandwidth' | 'compute';
  /** `L2`, `memory`, `int8`. */
  readonly what: string;
  readonly device: string;
  readonly threads: number;
  /** B/s, or FLOP/s. */
  readonly perSecond: number;
}

/**
 * @returns every measured roof of the machines of these points at the threads they ran on, each once: reads
 *   of each level, and the faster unit of each arithmetic.
 */
export function nodeRoofs(points: readonly RooflinePoint[]): NodeRoof[] {
  const found = new Map<string, NodeRoof>();
  const seen = new Set<string>();
  for (const { row, roofline } of points) {
    const { roofs } = row.trial;
    const { threads } = roofline;
    const device = roofline.ceilings.name;
    const machine = `${roofs?.id} ${threads} ${device}`;
    if (roofs === null || seen.has(machine)) continue;
    seen.add(machine);
    const add = (kind: NodeRoof['kind'], what: string, perSecond: number) => {
      const key = `${machine} ${kind} ${what}`;
      if (perSecond > (found.get(key)?.perSecond ?? 0))
        found.set(key, { kind, what, device, threads, perSecond });
    };
    for (const level of new Set(roofs.bandwidth.map((roof) => roof.level))) {
      const reads = roofs.bandwidth.filter((roof) => roof.level === level && roof.access === 'read');
      for (const { bytesPerSecond } of atThreads(reads, threads)) add('bandwidth', level, bytesPerSecond);
    }
    for (const arithmetic of new Set(roofs.compute.map((roof) => roof.arithmetic))) {
      const own = roofs.compute.filter((roof) => roof.arithmetic === arithmetic);
      for (const { flopsPerSecond } of atThreads(own, threads)) add('compute', arithmetic, flopsPerSecond);
    }
  }
  return [...found.values()];
}

/**
 * @returns what the prediction of a phase rests on: factors of the engine, tables of its operators, or the
 *   roofs alone; null where nothing is predicted.
 */
export function predictedFrom(
  { factors, predictedBy }: Pick<RooflineRecord, 'factors' | 'predictedBy'>,
  { predictedSeconds }: Pick<RooflinePhase, 'predictedSeconds'>,
): 'factors' | 'tables' | 'roofs' | null {
  if (predictedSeconds === null) return null;
  if (factors !== null) return 'factors';
  return predictedBy === undefined ? 'roofs' : 'tables';
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
