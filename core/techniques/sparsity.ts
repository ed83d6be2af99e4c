import { type Reading, wrong } from './spelling.js';
import type { Technique } from './technique.js';

/** No weight is pruned. */
export const DENSE = 'none';

export const sparsity: Technique = {
  name: 'sparsity',
  fallback: DENSE,
  help: 'How weights are pruned before they are quantized.',
  words: [DENSE],
  form: DENSE,
  keys: { method: 'How weights are chosen.' },
  read(word): Reading<string> {
    return word === DENSE
      ? { ok: true, value: DENSE }
      : wrong(`sparsity must be none, not ${JSON.stringify(word)}`);
  },
  wordOf: ({ method }) => String(method),
};
