import type { FeedForwardShape } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import { dense } from './dense.js';
import { experts } from './experts.js';
import type { LayerPass } from './layer-pass.js';

/** One network for all tokens, or experts with a router before them. */
export function feedForward(pass: LayerPass, shape: FeedForwardShape): OperatorWork[] {
  if (shape.experts !== null) return experts(pass, shape, shape.experts);
  return dense(pass, shape, pass.feedForwardTokens);
}
