import { groupBy } from '../../../core/maps.js';
import { cellOf, fitHost, type Host, tpotMiss, ttftMiss } from './host.js';
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

/** Cells that a fit of an engine alone rests on at least; below, all engines' tell. */
const FEWEST_CELLS = 3;

/**
 * Judges every point by constants that were fitted without any point that has the same `split` as it: of its own
 * engine, where others of that are left.
 */
export function leaveOut(all: readonly Predicted[], split: Split): Judged[] {
  const keyOf = SPLITS[split];
  return [...groupBy(all, (one) => `${one.point.engine} ${keyOf(one)}`).values()].flatMap((judged) => {
    const [{ point }] = judged as [Predicted];
    const others = all.filter((one) => keyOf(one) !== keyOf(judged[0]!));
    const own = others.filter((one) => one.point.engine === point.engine);
    const enough = new Set(own.map(cellOf)).size >= FEWEST_CELLS;
    const host = fitHost(enough ? own : others);
    return judged.map((one) => judgedBy(one, host));
  });
}
