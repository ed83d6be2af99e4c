import { groupBy } from '../../../core/maps.js';
import { BAND_90 } from '../../../roofline/step/calls-time.js';
import { quantile } from '../../../statistics/quantile.js';
import { mean } from '../../../statistics/summary.js';
import type { Judged } from './splits.js';

export const BAND = 0.9;

/** A share of points that lie in their band, and how wide that is: ± so much of the prediction. */
export interface Coverage {
  readonly held: number;
  readonly points: number;
  /** Half of the band in logarithms, as the ratio less 1. */
  readonly width: number;
}

/** Models that an engine's own errors count for as much as those of all engines. */
const MODELS_TO_TRUST = 4;

/**
 * Bands of points whose model was left out, from the errors of all other models: of each engine's own and of
 * all engines' as far as it has few models, for the errors of two models say little of a third.
 * @returns of every point, the half width in logarithms.
 */
export function bandsOf(judged: readonly Judged[], missOf: (one: Judged) => number): Map<Judged, number> {
  const widths = new Map<Judged, number>();
  for (const group of groupBy(judged, (one) => `${modelOf(one)} ${engineOf(one)}`).values()) {
    const others = judged.filter((one) => modelOf(one) !== modelOf(group[0]!));
    const width = widthFor(engineOf(group[0]!), others, missOf);
    for (const one of group) widths.set(one, width);
  }
  return widths;
}

const modelOf = ({ of }: Judged) => of.point.model.name;
const engineOf = ({ of }: Judged) => of.point.engine;

/** @returns the size that errors of an engine stay below, as far as these points tell. */
export function widthFor(engine: string, judged: readonly Judged[], missOf: (one: Judged) => number): number {
  const own = judged.filter((one) => engineOf(one) === engine);
  const models = new Set(own.map(modelOf)).size;
  const pooled = widthOf(judged, missOf);
  if (models === 0) return pooled;
  const trust = models / (models + MODELS_TO_TRUST);
  return Math.exp((1 - trust) * Math.log(pooled) + trust * Math.log(widthOf(own, missOf)));
}

/**
 * What a point needs beside the spread of its operators to lie in its band, as a standard deviation: that
 * which ships with an engine is the size that these stay below.
 */
export const spreadBeside = ({ of, tpotMiss }: Judged) =>
  Math.sqrt(Math.max(0, (tpotMiss / BAND_90) ** 2 - of.spread ** 2));

/**
 * The size that so many errors lie below, each model counting alike; of few models a higher quantile, as the
 * next one is as likely to be the worst of all (conformal prediction: (n + 1) q of n).
 */
function widthOf(judged: readonly Judged[], missOf: (one: Judged) => number): number {
  const models = [...groupBy(judged, modelOf).values()];
  const share = Math.min(0.99, BAND * (1 + 1 / (2 * models.length)));
  return mean(
    models.map((own) =>
      quantile(
        own.map((one) => Math.abs(missOf(one))),
        share,
      ),
    ),
  );
}

export function coverageOf(widths: ReadonlyMap<Judged, number>, missOf: (one: Judged) => number): Coverage {
  const all = [...widths];
  return {
    held: all.filter(([one, width]) => Math.abs(missOf(one)) <= width).length / all.length,
    points: all.length,
    width: Math.expm1(
      quantile(
        all.map(([, width]) => width),
        0.5,
      ),
    ),
  };
}
