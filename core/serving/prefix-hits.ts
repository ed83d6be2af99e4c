import { meanLength, parseLengths } from './lengths.js';
import type { ServingRecord } from './record.js';

/** Prompts of random words begin alike by chance, in a word or two, however many of them a server keeps. */
const CHANCE_TOKENS = 2;
/** A hundredth of the prompts changes no time by more than that. */
const ALLOWED = 0.01;
/** What a chat template puts around a message, and may be the same in all: of records that do not say how much it is. */
const TEMPLATE_TOKENS = 64;

/** What prompts of a load have in common, by its own doing. */
export interface SharedPrompts {
  /** Of all prompt tokens. */
  readonly ratio: number;
  /** Mean length of a prompt, in tokens. */
  readonly promptTokens: number;
}

/**
 * @returns the share of prompt tokens that a server says it found in its prefix cache: by the requests themselves where each is told, for counters
 *   are of whoever else asks, too; null where it does not say.
 */
export function prefixHitRatio({
  requests,
  inside,
}: Pick<ServingRecord, 'requests' | 'inside'>): number | null {
  const { prefixCacheHitRatio: gauge, prefixCacheHitTokens: hits, prefixCacheQueriedTokens: all } = inside;
  const told = requests.usage.filter((_, i) => requests.outcome[i] === 'complete');
  const sum = (of: (usage: (typeof told)[number]) => number | null | undefined) =>
    told.reduce<number | null>((total, usage) => {
      const value = of(usage);
      return total === null || value == null ? null : total + value;
    }, 0);
  const [cached, prompts] = [sum((usage) => usage?.cachedTokens), sum((usage) => usage?.promptTokens)];
  if (cached !== null && prompts !== null && prompts > 0) return cached / prompts;
  if (gauge !== undefined && 'mean' in gauge) return gauge.mean;
  if (hits === undefined || all === undefined || !('growth' in hits) || !('growth' in all)) return null;
  return all.growth > 0 ? Math.min(1, hits.growth / all.growth) : null;
}

/** @returns what the prompts of a run shared, as its record says; null where it does not. */
export function sharedOfRun({
  requests,
  sharedPromptTokens,
}: Pick<ServingRecord, 'requests' | 'sharedPromptTokens'>): SharedPrompts | null {
  const complete = requests.promptTokens.filter((_, i) => requests.outcome[i] === 'complete');
  const tokens = complete.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  if (sharedPromptTokens === undefined || tokens === 0) return null;
  return { ratio: sharedPromptTokens / tokens, promptTokens: tokens / complete.length };
}

/** @returns what prompts share at most by the options of a workload; null where that depends on a file or on answers. */
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
 * @returns a clause with what it knew before the run; null where the load itself, or chance, is all of it.
 */
export function knownBefore(hits: number, { ratio, promptTokens }: SharedPrompts): string | null {
  if (hits - ratio - CHANCE_TOKENS / promptTokens <= ALLOWED) return null;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `${percent(hits)} of the prompt tokens were in the server's prefix cache, and the load shares ${percent(ratio)}: it knew prompts of another run`;
}
