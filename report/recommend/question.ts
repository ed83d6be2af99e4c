import { type Reading, refused } from '../../core/input/reading.js';
import type { Better } from '../../core/sweep/spec.js';
import { betterOf, type Quantity, quantityName, readAmount, readQuantity } from './quantity.js';

/** What a bound is for: it is told apart in words alone. */
export type Role = 'slo' | 'budget' | 'floor';

/** Something that a configuration has to keep. */
export interface Bound {
  readonly role: Role;
  /** As it was written. */
  readonly text: string;
  readonly quantity: Quantity;
  /** `max`: at most the limit; `min`: at least. */
  readonly side: 'max' | 'min';
  readonly limit:
    | { readonly kind: 'absolute'; readonly value: number }
    /** Against the reference row: by a share of its value, or by so much. */
    | { readonly kind: 'relative'; readonly by: number; readonly share: boolean };
}

export interface Aim {
  readonly quantity: Quantity;
  readonly better: Better;
}

const ABSOLUTE = /^(.+?)\s*(<=|>=|<|>|≤|≥)\s*(.+)$/;
const RELATIVE = /^(.+):([+-]\d+(?:\.\d+)?)(%?)$/;

/**
 * @returns the bound of `METRIC<LIMIT` (or <=, >, >=), the limit in the metric's unit or with one behind it,
 *   as in `ttft:p95<200ms`; of a floor also of `METRIC:-2%`, as gates of comparisons have it: how far it may
 *   be from the reference row.
 */
export function readBound(text: string, role: Role): Reading<Bound> {
  const [, word, sign = '', amount = ''] = ABSOLUTE.exec(text.trim()) ?? [];
  if (word === undefined) return role === 'floor' ? readRelative(text) : refused(notBound(text));
  const reading = readQuantity(word);
  if (!reading.ok) return reading;
  const value = readAmount(amount, reading.value);
  if (typeof value === 'string') return refused(`${JSON.stringify(text)}: ${value}`);
  const side = /[<≤]/.test(sign) ? 'max' : 'min';
  return {
    ok: true,
    value: { role, text: text.trim(), quantity: reading.value, side, limit: { kind: 'absolute', value } },
  };
}

function readRelative(text: string): Reading<Bound> {
  const [, word = '', by = '', percent = ''] = RELATIVE.exec(text.trim()) ?? [];
  if (word === '') return refused(notBound(text));
  const reading = readQuantity(word);
  if (!reading.ok) return reading;
  const { value: quantity } = reading;
  const share = percent === '%';
  const limit = { kind: 'relative', by: Number(by) * (share ? 0.01 : 1), share } as const;
  const side = limit.by < 0 ? 'min' : 'max';
  return { ok: true, value: { role: 'floor', text: text.trim(), quantity, side, limit } };
}

const notBound = (text: string) =>
  `${JSON.stringify(text)} is no bound: write a metric, < or >, and a limit, such as ttft:p95<200ms, scheduledTimeToFirstTokenP90Seconds<0.2 or perplexity<20`;

/** @returns what to make as large or small as can be: `METRIC`, `METRIC:min`. */
export function readAim(text: string): Reading<Aim> {
  const [, word = '', way] = /^(.+?)(?::(max|min))?$/.exec(text.trim()) ?? [];
  const reading = readQuantity(word);
  if (!reading.ok) return reading;
  const { value: quantity } = reading;
  const better = (way as Better | undefined) ?? betterOf(quantity);
  if (better === null) {
    const name = quantityName(quantity);
    return refused(`${name} is neither better large nor small: write ${name}:max or ${name}:min`);
  }
  return { ok: true, value: { quantity, better } };
}

/** @returns numbers of `concurrency=6,inputTokens=300`, or a sentence. */
export function readLoad(text: string): ReadonlyMap<string, number> | string {
  const load = new Map<string, number>();
  for (const pair of text.split(',')) {
    const [, name, amount] = /^\s*([A-Za-z]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(pair) ?? [];
    if (name === undefined)
      return `${JSON.stringify(pair)} is no load: write an option of the workload and a number, such as concurrency=6`;
    load.set(name, Number(amount));
  }
  return load;
}
