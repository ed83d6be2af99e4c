import { RUNNERS } from '../core/runners/index.js';

/**
 * Why a metric does not apply: the sweep asked for something else. The sentence is written into the record;
 * the code is for programs.
 */
export const NOT_APPLICABLE = {
  quality: 'the sweep asks for no quality',
  text: 'the sweep names no text for perplexity',
  tasks: 'the sweep names no tasks',
  training: 'the workload does not train',
  kernel: 'the workload runs no single op',
  inference: 'the workload runs no graph of tensors',
  drafts: 'the workload drafts nothing',
  graph: 'the workload runs no request graph',
  pruning: 'the weights were not pruned',
  adapter: 'no adapter was attached',
  heldOut: 'no part of the text was held out',
  prefill: 'the workload has no prefill phase',
  decode: 'the workload generates no tokens',
  serving: 'the workload asks no server',
  neighbours: 'the runner invents its numbers, which no neighbour moves',
  grid: 'neither the sweep nor the node states a grid intensity',
} as const;
type NotApplicableCode = keyof typeof NOT_APPLICABLE | 'work';

const CODES: ReadonlyMap<string, NotApplicableCode> = new Map<string, NotApplicableCode>([
  ...Object.entries(NOT_APPLICABLE).map(([code, reason]) => [reason, code as NotApplicableCode] as const),
  ...RUNNERS.flatMap(({ counting }) =>
    counting.by === 'nothing' ? [[counting.reason, 'work'] as const] : [],
  ),
]);

/**
 * @param reason as a record has it beside a missing value
 * @returns the code of a reason that says that the metric does not apply; null for one that says what went
 *   wrong.
 */
export function notApplicable(reason: string): NotApplicableCode | null {
  return CODES.get(reason) ?? null;
}
