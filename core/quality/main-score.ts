import type { QualityRecord } from './record.js';

/**
 * Which score of a task stands for it: options by likelihood per byte (lm-evaluation-harness: acc_norm), else
 * its first.
 */
export function mainScore({
  scores,
}: QualityRecord['tasks'][number]): QualityRecord['tasks'][number]['scores'][number] | null {
  return scores.find(({ name }) => name === 'perByte' || name === 'acc_norm') ?? scores[0] ?? null;
}
