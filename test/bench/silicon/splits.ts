import { groupBy } from '../../../core/maps.js';
import { fitHost, type Host, tpotMiss, ttftMiss } from './host.js';
import type { Predicted } from './predictions.js';

/** A point judged by what was fitted on others. */
export interface Judged {
  readonly of: Predicted;
  /** ln(predicted / measured). */
  readonly tpotMiss: number;
  readonly ttftMiss: number;
}

/** What is left out of the fit that predicts it. */
export const SPLITS = {
  model: ({ point }: Predicted) => point.model.name,
  engine: ({ point }: Predicted) => point.engine,
  device: ({ point }: Predicted) => point.device,
  release: ({ point }: Predicted) => `${point.engine} ${point.release}`,
} as const;
export type Split = keyof typeof SPLITS;

export const judgedBy = (of: Predicted, host: Host): Judged => ({
  of,
  tpotMiss: tpotMiss(of, host),
  ttftMiss: ttftMiss(of, host),
});

/**
 * Judges every point by constants that were fitted without any point that has the same `split` as it: on the
 * runs of all engines, for of one there are few models, and what a request takes on those of its own, where
 * others of that are left.
 */
export function leaveOut(all: readonly Predicted[], split: Split): Judged[] {
  const keyOf = SPLITS[split];
  const groupOf = (one: Predicted) => `${one.point.engine} ${keyOf(one)}`;
  return [...groupBy(all, groupOf).values()].flatMap((judged) => {
    const [first] = judged as [Predicted];
    const others = all.filter((one) => keyOf(one) !== keyOf(first));
    const host = fitHost(
      others,
      others.filter((one) => one.point.engine === first.point.engine),
    );
    return judged.map((one) => judgedBy(one, host));
  });
}
