import { nodeSeconds, type ProfiledOperator, type ProfiledPhase } from '../../core/result/profile-record.js';
import { MODULES, type Module, type OperatorWork, totalBytes } from '../../core/work/work.js';

/** One module in one phase: what it took, what was asked of it, and how fast that went. */
export interface ModuleRow {
  readonly module: Module | 'around';
  readonly calls: number;
  /** Of the profiled run, all passes together. */
  readonly seconds: number;
  /** Of the profiled run's time. */
  readonly share: number;
  /** null where the work is not counted. */
  readonly flops: number | null;
  readonly bytes: number | null;
  /** FLOP per byte. */
  readonly intensity: number | null;
  readonly flopsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
}

/**
 * Sums a profiled phase up by module (arXiv 2311.03687, tables of modules), in the order in which a token
 * passes them. The last row, `around`, is the engine's own time outside its graphs, so that the shares add up
 * to 1. What the engine tells node by node counts for more than what is counted of the model's shapes.
 * @param work what all passes of the phase ask, or null where it is not counted
 * @param times how much of that work the profiled run did
 */
export function moduleRows(
  phase: ProfiledPhase,
  work: readonly OperatorWork[] | null,
  times = 1,
): ModuleRow[] {
  const rows = MODULES.flatMap((module): ModuleRow[] => {
    const own = phase.operators.filter((operator) => operator.module === module);
    if (own.length === 0) return [];
    const seconds = own.reduce((sum, operator) => sum + operator.seconds, 0);
    const calls = own.reduce((sum, operator) => sum + operator.calls, 0);
    const asked = work?.filter((operator) => operator.module === module) ?? [];
    const counted = asked.length > 0;
    const flops =
      totalOf(own, 'flops') ??
      (counted ? times * asked.reduce((sum, operator) => sum + operator.flops, 0) : null);
    const bytes =
      totalOf(own, 'bytes') ??
      (counted ? times * asked.reduce((sum, operator) => sum + totalBytes(operator.traffic), 0) : null);
    return [
      { module, calls, seconds, share: seconds / phase.profiledSeconds, ...rates(flops, bytes, seconds) },
    ];
  });
  const seconds = Math.max(0, phase.profiledSeconds - nodeSeconds(phase));
  const around = { calls: phase.passes, seconds, share: seconds / phase.profiledSeconds };
  return [...rows, { module: 'around', ...around, ...rates(null, null, seconds) }];
}

/** @returns the sum of what the operators tell of themselves; null where they do not. */
function totalOf(operators: readonly ProfiledOperator[], what: 'flops' | 'bytes'): number | null {
  if (operators.every(({ bytes }) => bytes === undefined)) return null;
  const known = operators.flatMap((operator) => operator[what] ?? []);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function rates(flops: number | null, bytes: number | null, seconds: number) {
  return {
    flops,
    bytes,
    intensity: flops === null || bytes === null || bytes === 0 ? null : flops / bytes,
    flopsPerSecond: flops === null ? null : flops / seconds,
    bytesPerSecond: bytes === null ? null : bytes / seconds,
  };
}
