import type { FactorEvidence, ThreadFactors } from '../../core/result/factors.js';
import type { MachineModel } from '../machine-model.js';
import { evidenceOf, type Fitted, isStreamed, lossOf, STREAMING } from './loss.js';
import type { OperatorSample } from './sample.js';
import { search, type Unknown } from './search.js';

/** Of one pair, in seconds. */
export const MASKED: Unknown = { start: 1e-9, least: 1e-12, most: 1e-7 };

/** Fits attention, where any was benched. */
export function fitAttention(
  all: readonly OperatorSample[],
  machineModel: MachineModel,
  before: ThreadFactors,
): Fitted {
  const used = all.filter(({ group }) => group.kind === 'attention');
  if (used.length === 0) return { factors: before, evidence: [] };
  const factors = { ...before, ...fitTerms(used, machineModel, before) };
  const note = (name: string, value: number, at: readonly OperatorSample[]): FactorEvidence =>
    evidenceOf(name, value, at, machineModel, factors);
  return {
    factors,
    evidence: [
      note(
        'attention memory',
        factors.attentionMemory,
        used.filter((sample) => isStreamed(sample, factors)),
      ),
      ...factors.attention.map(({ rows, factor }) =>
        note(
          `attention ${rows}`,
          factor,
          used.filter(({ queries }) => queries === rows),
        ),
      ),
    ],
  };
}

/**
 * Fits the efficiency of arithmetic by number of queries, and how fast keys and values are read, from benches
 * with caches that fit and caches that do not.
 */
function fitTerms(
  samples: readonly OperatorSample[],
  machineModel: MachineModel,
  factors: ThreadFactors,
): Pick<ThreadFactors, 'attention' | 'attentionMemory' | 'maskedPair'> {
  const counts = [...new Set(samples.map(({ queries }) => queries))].sort((a, b) => a - b);
  const streamed = samples.some((sample) => isStreamed(sample, factors));
  const factorsOf = (found: Readonly<Record<string, number>>) => ({
    attention: counts.map((rows) => ({ rows, factor: found[`queries${rows}`]! })),
    attentionMemory: streamed ? found.memory! : 1,
    maskedPair: counts.map((rows) => ({ rows, factor: found[`masked${rows}`]! })),
  });
  const unknowns = {
    memory: STREAMING,
    ...Object.fromEntries(counts.map((count) => [`queries${count}`, { start: 0.2, least: 1e-3, most: 50 }])),
    ...Object.fromEntries(counts.map((count) => [`masked${count}`, MASKED])),
  };
  return factorsOf(
    search(unknowns, (found) => lossOf(samples, machineModel, { ...factors, ...factorsOf(found) })),
  );
}
