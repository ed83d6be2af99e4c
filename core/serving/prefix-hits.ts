import { meanLength, parseLengths } from './lengths.js';
import type { ServingRecord } from './record.js';

/**
 * Number of tokens with which prompts of random words may begin alike by chance, among the many in a server's
 * cache.
 */
const CHANCE_TOKENS = 2;
/**
 * Share of prompt tokens that may have been in the cache without a warning, since it shortens no time by more
 * than a hundredth.
 */
const ALLOWED = 0.01;
/**
 * Tokens that a chat template is assumed to put before each message, if the tokens of prompts were not
 * counted.
 */
const TEMPLATE_TOKENS = 64;

/** What the prompts of a load have in common by design. */
export interface SharedPrompts {
  /** Of all prompt tokens. */
  readonly ratio: number;
  /** Mean length of a prompt, in tokens. */
  readonly promptTokens: number;
}

/**
 * @returns the share of prompt tokens that a server reports as hits of its prefix cache; null if it reports
 *   none. Its counts for single requests are preferred, because its counters include the requests of others.
 */
export function prefixHitRatio({
  requests,
  inside,
}: Pick<ServingRecord, 'requests' | 'inside'>): number | null {
  const { prefixCacheHitRatio: gauge, prefixCacheHitTokens: hits, prefixCacheQueriedTokens: all } = inside;
  const told = requests.usage.filter((_, i) => requests.outcome[i] === 'complete');
  const sum = (tokensOf: (usage: (typeof told)[number]) => number | null | undefined) =>
    told.reduce<number | null>((total, usage) => {
      const value = tokensOf(usage);
      return total === null || value == null ? null : total + value;
    }, 0);
  const [cached, prompts] = [sum((usage) => usage?.cachedTokens), sum((usage) => usage?.promptTokens)];
  if (cached !== null && prompts !== null && prompts > 0) return cached / prompts;
  if (gauge !== undefined && 'mean' in gauge) return gauge.mean;
  if (hits === undefined || all === undefined || !('growth' in hits) || !('growth' in all)) return null;
  return all.growth > 0 ? Math.min(1, hits.growth / all.growth) : null;
}

/**
 * @returns what the prompts of a load shared, from its record; null if the tokens of prompts were not
 *   counted.
 */
export function sharedOfRun({
  requests,
  sharedPromptTokens,
}: Pick<ServingRecord, 'requests' | 'sharedPromptTokens'>): SharedPrompts | null {
  const complete = requests.promptTokens.filter((_, i) => requests.outcome[i] === 'complete');
  const tokens = complete.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  if (tokens === 0) return null;
  return { ratio: sharedPromptTokens / tokens, promptTokens: tokens / complete.length };
}

/**
 * @returns what prompts can share at most, from the options of a workload; null if that depends on a file or
 *   on answers.
 */
export function sharedByOptions(options: Readonly<Record<string, unknown>>): SharedPrompts | null {
  const { promptDataset, trace, turns, sharedPrefix, inputTokens, api } = options;
  const isMadeUp = promptDataset == null && trace == null && turns === 1;
  if (!isMadeUp || typeof sharedPrefix !== 'number' || inputTokens == null) return null;
  const lengths = parseLengths(inputTokens as string | number);
  if (typeof lengths === 'string') return null;
  const own = meanLength(lengths);
  const around = api === 'chat' ? TEMPLATE_TOKENS : 1;
  return { ratio: (sharedPrefix * own + around) / (own + around), promptTokens: own + around };
}

/**
 * @param hits share of prompt tokens that a server found in its cache.
 * @returns a clause about what was in its cache before the load; null if the load itself, or chance, explains
 *   all hits.
 */
export function knownBefore(hits: number, { ratio, promptTokens }: SharedPrompts): string | null {
  if (hits - ratio - CHANCE_TOKENS / promptTokens <= ALLOWED) return null;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `${percent(hits)} of the prompt tokens were in the server's prefix cache, and the load shares ${percent(ratio)}: it knew prompts of another run`;
}
