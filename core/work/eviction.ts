import {
  headOf,
  integer,
  type Reading,
  readSettings,
  rejected,
  type Settings,
  writeWord,
} from '../techniques/spelling.js';

/** Which tokens a full cache gives up. */
export const EVICTION_METHODS = ['streaming', 'knorm', 'keydiff'] as const;
export type EvictionMethod = (typeof EVICTION_METHODS)[number];

/** A cache that grows to `budget + block` tokens of a sequence and is then cut back to `budget`. */
export interface EvictionSpec {
  readonly method: EvictionMethod;
  /** Tokens of a sequence that a cut leaves. */
  readonly budget: number;
  /** Tokens that are read between two cuts. */
  readonly block: number;
  /** First tokens of a sequence, which stay whatever their keys say. */
  readonly sinks: number;
  /** Newest tokens, which stay likewise; at least the last one, where the engine goes on. */
  readonly recent: number;
}

const NONE = 'none';
const MOST_TOKENS = 1_048_576;

const SETTINGS = {
  block: integer(1, MOST_TOKENS, 64, 'Tokens that are read between two cuts of the cache.'),
  sinks: integer(0, MOST_TOKENS, 4, 'First tokens of a sequence, which always stay (arXiv 2309.17453).'),
  recent: integer(1, MOST_TOKENS, 32, 'Newest tokens, which always stay; `streaming` keeps nothing else.'),
} as const satisfies Settings;

/** How an eviction is written. */
export const EVICTION_FORM = `${NONE}, or ${EVICTION_METHODS.join(', ')} with the tokens that stay, such as keydiff:512`;

/** @returns null for a cache that keeps every token. */
export function readEviction(spelling: string): Reading<EvictionSpec | null> {
  if (spelling === NONE) return { ok: true, value: null };
  const head = headOf(spelling);
  const [name = '', written = ''] = head.split(/:(.*)/s);
  const method = EVICTION_METHODS.find((one) => one === name);
  const budget = /^[1-9]\d{0,8}$/.test(written) ? Number(written) : Number.NaN;
  if (method === undefined || !(budget <= MOST_TOKENS))
    return rejected(`must be ${EVICTION_FORM}, not ${JSON.stringify(spelling)}`);
  const settings = readSettings(spelling, SETTINGS);
  if (!settings.ok) return settings;
  const { block, sinks, recent } = settings.value;
  if (sinks + recent > budget)
    return rejected(
      `${JSON.stringify(spelling)} always keeps ${sinks} first and ${recent} newest tokens, more than the ${budget} that stay: raise them, or lower sinks or recent`,
    );
  const word = writeWord(head, settings.value, SETTINGS);
  if (word !== spelling) return rejected(`${JSON.stringify(spelling)} is written ${JSON.stringify(word)}`);
  return { ok: true, value: { method, budget, block, sinks, recent } };
}

/** @returns the eviction of a word that the option's schema has accepted. */
export function evictionOf(spelling: string): EvictionSpec | null {
  const reading = readEviction(spelling);
  if (!reading.ok) throw new Error(reading.message);
  return reading.value;
}

/** Whether an eviction looks at keys; the order of the tokens is enough for streaming. */
export function readsKeys(eviction: EvictionSpec | null): boolean {
  return eviction !== null && eviction.method !== 'streaming';
}

/** @returns tokens that a sequence has in the cache once it has read so many. */
export function tokensHeld(eviction: EvictionSpec | null, read: number): number {
  if (eviction === null) return read;
  const { budget, block } = eviction;
  return read < budget + block ? read : budget + ((read - budget) % block);
}

/** @returns the most tokens that a sequence has in the cache while it reads so many. */
export function mostTokensHeld(eviction: EvictionSpec | null, read: number): number {
  return eviction === null ? read : Math.min(read, eviction.budget + eviction.block);
}

/**
 * How a sequence reads its tokens: a piece ends where the cache is cut.
 * @param before tokens that it has read already.
 * @param most tokens of a piece.
 * @returns tokens of each piece, and what the cache holds before it.
 */
export function piecesBetweenCuts(
  eviction: EvictionSpec,
  before: number,
  tokens: number,
  most: number,
): { readonly tokens: number; readonly held: number }[] {
  const pieces: { tokens: number; held: number }[] = [];
  for (let done = 0; done < tokens; ) {
    const held = tokensHeld(eviction, before + done);
    const room = eviction.budget + eviction.block - held;
    const count = Math.min(tokens - done, room, most);
    pieces.push({ tokens: count, held });
    done += count;
  }
  return pieces;
}
