import type { Pointer } from '../../native/llama.js';
import type { Architecture } from './architecture.js';
import type { Learnt, Rope, Tape, Value } from './tape.js';
import type { Weights } from './weights.js';

/** What one step looks at: `sequences` windows of `tokens` each, one behind the other. */
export interface Inputs {
  readonly tokens: number;
  readonly sequences: number;
  /** Token ids, and the position of each in its window: i32 [tokens · sequences]. */
  readonly ids: Pointer;
  readonly positions: Pointer;
  /** 0 where a token may look, −∞ after it: f32 [tokens, tokens]. */
  readonly mask: Pointer;
  /** The next token of each, dense: f32 [vocabulary, tokens · sequences]. */
  readonly labels: Pointer;
  /** Which of them the loss is of; null = all. */
  readonly learnt: Learnt | null;
}

/** Applies a matrix of the model, and whatever is trained beside it. @param name `blk.0.attn_q`. */
export type ApplyLinear = (tape: Tape, name: string, x: Value) => Value;

/**
 * @returns the mean loss over the tokens that are learnt of a dense Llama, Mistral, Qwen 2 or Qwen 3, as
 *   llama.cpp computes its logits.
 */
export function forward(
  tape: Tape,
  architecture: Architecture,
  weights: Weights,
  inputs: Inputs,
  apply: ApplyLinear,
): Value {
  const { epsilon, layers } = architecture;
  const count = inputs.tokens * inputs.sequences;
  const rope: Rope = { ...architecture.rope, factors: weights.get('rope_freqs.weight')?.tensor ?? null };
  const norm = (x: Value, name: string) => tape.multiply(tape.rmsNorm(x, epsilon), weights.need(name));
  const embedding = weights.need('token_embd.weight');
  let x = tape.rows(embedding, inputs.ids, count);
  for (let layer = 0; layer < layers; layer++) {
    const at = `blk.${layer}`;
    const attended = attention(norm(x, `${at}.attn_norm.weight`), at);
    x = tape.add(x, attended);
    const h = norm(x, `${at}.ffn_norm.weight`);
    const inner = tape.swiglu(apply(tape, `${at}.ffn_gate`, h), apply(tape, `${at}.ffn_up`, h));
    x = tape.add(x, apply(tape, `${at}.ffn_down`, inner));
  }
  const logits = tape.linear(weights.get('output.weight') ?? embedding, norm(x, 'output_norm.weight'));
  return tape.crossEntropy(logits, inputs.labels, inputs.learnt);

  function attention(h: Value, at: string): Value {
    const { headLength, heads, groups, attentionScale } = architecture;
    const q = turned(projected('q', heads));
    const k = turned(projected('k', groups));
    const v = tape.swap(windows(projected('v', groups), groups));
    const out = tape.swap(tape.attention(q, k, v, inputs.mask, attentionScale));
    return apply(tape, `${at}.attn_output`, tape.reshape(out, [headLength * heads, count, 1, 1]));

    /** @returns heads [length, heads, tokens]. */
    function projected(which: 'q' | 'k' | 'v', many: number): Value {
      const name = `${at}.attn_${which}`;
      const plain = apply(tape, name, h);
      const bias = weights.get(`${name}.bias`);
      const whole = bias === null ? plain : tape.shift(plain, bias);
      const apart = tape.reshape(whole, [headLength, many, count, 1]);
      const normed = weights.get(`${name}_norm.weight`);
      return normed === null ? apart : tape.multiply(tape.rmsNorm(apart, epsilon), normed);
    }

    /** @returns [length, heads, tokens, sequences]. */
    function windows(x: Value, many: number): Value {
      return tape.reshape(x, [headLength, many, inputs.tokens, inputs.sequences]);
    }

    /** @returns [length, tokens, heads, sequences]. */
    function turned(x: Value): Value {
      return tape.swap(windows(tape.rope(x, inputs.positions, rope), x.shape[1]));
    }
  }
}
