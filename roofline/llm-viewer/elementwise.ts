import { type Ask, ask } from './row.js';
import type { Counting } from './setting.js';

/** Sum, subtract, square, sum, divide, multiply, add. */
const NORM_OPERATIONS = 7;

/**
 * Norms, residual additions and the activation of a layer. An addition loads one of its operands; the activation is as wide
 * as the embedding, where it is as wide as the feed-forward block (issue 16 there). Never divided over devices.
 */
export function elementwise({ model, batch, queries, activationBytes }: Counting): Ask[] {
  const elements = batch * model.hidden * queries;
  const bytes = elements * activationBytes;
  const once = { loadActivation: bytes, storeActivation: bytes };
  return [
    ...model.norms.map((name) => ask(name, elements * NORM_OPERATIONS, once)),
    ask('attn_add', elements, once),
    ask('mlp_add', elements, once),
    ask('mlp_act', elements * 2, { loadActivation: bytes * 2, storeActivation: bytes }),
  ];
}
