import { RUNNERS } from '../runners/index.js';

type Unasked =
  | 'quality'
  | 'text'
  | 'tasks'
  | 'training'
  | 'kernel'
  | 'heldOut'
  | 'prefill'
  | 'decode'
  | 'grid';

/** Why a metric is absent because the sweep asked for something else: said beside the value, no footnote. */
export const UNASKED: Readonly<Record<Unasked, string>> = {
  quality: 'the sweep asks for no quality',
  text: 'the sweep names no text for perplexity',
  tasks: 'the sweep names no tasks',
  training: 'the workload does not train',
  kernel: 'the workload runs no single op',
  heldOut: 'no part of the text was held out',
  prefill: 'the workload has no prefill phase',
  decode: 'the workload generates no tokens',
  grid: 'neither the sweep nor the node states a grid intensity',
};

const REASONS: readonly string[] = [
  ...Object.values(UNASKED),
  ...RUNNERS.flatMap(({ counting }) => (counting.by === 'nothing' ? [counting.reason] : [])),
  // In records from before all runners were counted.
  'work is counted of llama.cpp under a latency workload',
];

/** @returns whether nobody has to be told of an absence for this reason. */
export function isUnasked(reason: string): boolean {
  return REASONS.includes(reason);
}
