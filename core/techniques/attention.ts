import type { Rule } from '../experiment/rule.js';
import {
  headOf,
  helpOf,
  integer,
  joinWord,
  type Reading,
  readSettings,
  rejected,
  type Setting,
  writeWord,
} from './spelling.js';
import type { Technique } from './technique.js';
import { isFloat } from './tensor-types.js';

/** Attention as the model has it. */
const BASE = 'base';
const HEADS = 'kv-heads';
const WINDOW = 'window';
const MOST_HEADS = 9999;
const MOST_TOKENS = 2 ** 24;

/** Tokens a layer looks back on, itself included. */
export interface SlidingWindow {
  readonly tokens: number;
  /** Every so manieth layer sees all tokens; 0 = none does. */
  readonly fullEvery: number;
}

/** What is changed in the attention of a model. */
export interface AttentionSpec {
  /** K/V heads after grouping by their mean; null = as they are. */
  readonly kvHeads: number | null;
  /** null = every layer sees what it saw. */
  readonly window: SlidingWindow | null;
}

const windowTokens: Setting<number | null> = {
  help: 'Tokens a layer looks back on, itself included; the layers see all when it is left out.',
  fallback: null,
  form: `a whole number from 1 to ${MOST_TOKENS}`,
  read: (text) => wholeNumber(text, MOST_TOKENS),
  write: (value) => (value === null ? '' : String(value)),
};
const fullEvery = integer(
  0,
  1024,
  0,
  'Every so manieth layer sees all tokens, as in models that mix both; 0 = none.',
);
const SETTINGS = { window: windowTokens, fullEvery } as const;

/** Heads of words that name what this release does not do, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  nsa: 'native sparse attention reads blocks that it chooses while it runs, and llama.cpp has no graph for it: no runner here computes it',
  mla: 'latent attention is a shape of a model and not made of another: name a model of that shape, such as synthetic:deepseek2?layers=4&embedding=512',
  flash: 'flash attention changes no weight: it is the runner option flashAttention',
};

/** @returns null for attention as it is. */
export function readAttention(spelling: string): Reading<AttentionSpec | null> {
  const parts = partsOf(spelling);
  if (!parts.ok) return parts;
  const { kvHeads, window, fullEvery } = parts.value;
  if (window === null && fullEvery > 0)
    return rejected(`attention ${JSON.stringify(spelling)} gives fullEvery without a window`);
  if (kvHeads === null && window === null) return { ok: true, value: null };
  return { ok: true, value: { kvHeads, window: window === null ? null : { tokens: window, fullEvery } } };
}

interface Parts {
  readonly kvHeads: number | null;
  readonly window: number | null;
  readonly fullEvery: number;
}

function partsOf(spelling: string): Reading<Parts> {
  const head = headOf(spelling);
  const [name = '', argument] = head.split(/:(.*)/s);
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  if (elsewhere !== undefined) return rejected(`attention ${JSON.stringify(head)}: ${elsewhere}`);
  const settings = readSettings(spelling, SETTINGS);
  if (!settings.ok) return settings;
  if (head === BASE) return { ok: true, value: { kvHeads: null, ...settings.value } };
  if (head === 'mqa') return { ok: true, value: { kvHeads: 1, ...settings.value } };
  const count = wholeNumber(argument ?? '', name === WINDOW ? MOST_TOKENS : MOST_HEADS);
  if (name === HEADS && count !== undefined)
    return { ok: true, value: { kvHeads: count, ...settings.value } };
  if (name === WINDOW && count !== undefined) {
    if (settings.value.window !== null)
      return rejected(`attention ${JSON.stringify(spelling)} gives its window twice`);
    return { ok: true, value: { kvHeads: null, ...settings.value, window: count } };
  }
  return rejected(`attention must be ${attention.form}, not ${JSON.stringify(spelling)}`, nearOf(head));
}

function nearOf(head: string): string | null {
  if (['none', 'mha', 'dense', 'full'].includes(head)) return BASE;
  if (head === 'gqa' || head === HEADS) return `${HEADS}:2`;
  return ['swa', 'sliding', 'sliding-window', WINDOW].includes(head) ? `${WINDOW}:256` : null;
}

const wholeNumber = (text: string, most: number): number | undefined =>
  /^[1-9]\d{0,8}$/.test(text) && Number(text) <= most ? Number(text) : undefined;

export const attention: Technique = {
  name: 'attention',
  fallback: BASE,
  help: 'What is changed in attention: K/V heads grouped by their mean (arXiv 2305.13245) with `kv-heads:2` or `mqa`, a sliding window with `window:256`; `base` leaves it.',
  examples: [BASE, 'mqa', `${HEADS}:2`, `${HEADS}:4`, `${WINDOW}:256`],
  form: 'base, mqa, kv-heads: and their number, or window: and its tokens',
  keys: {
    kvHeads: 'K/V heads of each layer after grouping; 1 is multi-query attention.',
    ...helpOf(SETTINGS),
  },
  read(spelling) {
    const reading = readAttention(spelling);
    if (!reading.ok) return reading;
    const { kvHeads = null, window = null } = reading.value ?? {};
    if (kvHeads === null && window === null) return { ok: true, value: BASE };
    const rest = { window: null, fullEvery: window?.fullEvery ?? 0 };
    if (kvHeads === null)
      return { ok: true, value: writeWord(`${WINDOW}:${window?.tokens}`, rest, SETTINGS) };
    return {
      ok: true,
      value: writeWord(`${HEADS}:${kvHeads}`, { ...rest, window: window?.tokens ?? null }, SETTINGS),
    };
  },
  spell({ kvHeads, ...settings }) {
    return joinWord(kvHeads === undefined ? BASE : `${HEADS}:${String(kvHeads)}`, Object.entries(settings));
  },
};

/** What the header says is enough to refuse groups that cannot be made. */
export const grouping: Rule = {
  axes: ['model', 'attention'],
  reason({ model, attention: wanted }, facts) {
    const reading = readAttention(String(wanted));
    const kvHeads = reading.ok ? (reading.value?.kvHeads ?? null) : null;
    if (facts === null || kvHeads === null) return null;
    const present = facts.heads?.keyValue;
    const type = facts.quantization;
    if (present !== undefined && present % kvHeads !== 0) {
      return `model ${model} has ${present} K/V heads, which do not make ${kvHeads} equal groups: choose a number that divides ${present}`;
    }
    if (present === kvHeads || type === null || isFloat(type)) return null;
    return `model ${model} is quantized (${type}), and heads are grouped in float weights: give its f16 file, or attention base`;
  },
};
