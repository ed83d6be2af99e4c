import { quantile } from '../../statistics/quantile.js';
import curves from './acceptance.json' with { type: 'json' };

/** Tokens that a step of speculative decoding yields in the mean, its own included, and how sure that is. */
export interface Acceptance {
  readonly length: number;
  /** Standard deviation of its logarithm. */
  readonly spread: number;
  /** Whose it is: a clause. */
  readonly source: string;
}

/**
 * Of 1, 2, 3 … draft tokens, measured on prompts of programming (SPEED-Bench) with one model and its draft.
 */
type Curve = (typeof curves)[number];

/** Draft lengths that were measured. */
export const MOST_DRAFT_TOKENS = Math.min(...curves.map(({ lengths }) => lengths.length));

/** Of other prompts than those of programming: acceptance differs by what is written. */
const OTHER_PROMPTS = 0.1;

const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** @returns curves of a model, whatever its quantization; of thinking and not. */
function curvesOf(model: string): readonly Curve[] {
  const wanted = plain(model.split('/').at(-1) ?? model);
  return curves.filter(({ model: own }) => plain(own).startsWith(wanted));
}

/**
 * InferenceX's golden curves: of the model itself where there is one, otherwise the middle of all.
 * @param draftTokens in a row, at most `MOST_DRAFT_TOKENS`.
 */
export function acceptanceOf(model: string, draftTokens: number): Acceptance {
  const own = curvesOf(model);
  const taken = own.length > 0 ? own : curves;
  const lengths = taken.map((curve) => curve.lengths[draftTokens - 1]!);
  const length = quantile(lengths, 0.5);
  const apart = Math.sqrt(
    lengths.reduce((sum, one) => sum + Math.log(one / length) ** 2, 0) / lengths.length,
  );
  const names = [...new Set(taken.map((curve) => curve.model))];
  return {
    length,
    spread: Math.hypot(apart, OTHER_PROMPTS),
    source:
      own.length > 0
        ? `InferenceX's curve of ${names.join(' and ')}`
        : `the middle of InferenceX's curves of ${names.length} models`,
  };
}
