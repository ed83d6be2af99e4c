import type { Rule } from '../sweep/rule.js';
import { type Reading, wrong } from './spelling.js';
import type { Technique } from './technique.js';

/** Heads as the model has them. */
const BASE = 'base';
const HEADS = 'kv-heads';

/** What is changed in the attention of a model: its K/V heads are grouped into fewer, by their mean. */
export interface AttentionSpec {
  readonly kvHeads: number;
}

/** @returns null for heads as they are. */
export function readAttention(word: string): Reading<AttentionSpec | null> {
  if (word === BASE) return { ok: true, value: null };
  if (word === 'mqa') return { ok: true, value: { kvHeads: 1 } };
  const heads = /^kv-heads:(\d{1,4})$/.exec(word);
  if (heads && Number(heads[1]) > 0) return { ok: true, value: { kvHeads: Number(heads[1]) } };
  return wrong(
    `attention must be ${attention.form}, not ${JSON.stringify(word)}`,
    ['none', 'mha', 'dense'].includes(word) ? BASE : word === 'gqa' ? `${HEADS}:2` : null,
  );
}

export const attention: Technique = {
  name: 'attention',
  fallback: BASE,
  help: 'Grouping of K/V heads by their mean (arXiv 2305.13245): `kv-heads:2`, `mqa`; `base` leaves them.',
  words: [BASE, 'mqa', `${HEADS}:2`, `${HEADS}:4`],
  form: 'base, mqa, or kv-heads: and their number',
  keys: { kvHeads: 'K/V heads of each layer after grouping; 1 is multi-query attention.' },
  read(word) {
    const reading = readAttention(word);
    if (!reading.ok) return reading;
    return { ok: true, value: reading.value === null ? BASE : `${HEADS}:${reading.value.kvHeads}` };
  },
  wordOf: ({ kvHeads }) => `${HEADS}:${String(kvHeads)}`,
};

/** What the header says is enough to refuse groups that cannot be made of quantized weights. */
export const groupingNeedsFloats: Rule = {
  axes: ['model', 'attention'],
  reason({ model, attention: wanted }, facts) {
    if (facts === null || wanted === BASE || ['f32', 'f16', 'bf16'].includes(facts.quantization)) return null;
    return `model ${model} is quantized (${facts.quantization}), and heads are grouped in float weights: give its f16 file, or attention base`;
  },
};
