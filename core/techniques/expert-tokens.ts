import { median } from '../../statistics/quantile.js';
import { tensorOf } from './pruning/plan.js';

/** How many calibration tokens the router of a mixture sent to its experts. */
export interface ExpertTokens {
  /** Of all blocks together. */
  readonly experts: number;
  readonly least: number;
  readonly median: number;
  /** Experts that no token reached, and the blocks that have them. */
  readonly unreached: number;
  readonly unreachedBlocks: readonly string[];
}

/** A layer, and the tokens that went into it; null where none were counted. */
export interface TokensOfLayer {
  readonly name: string;
  readonly tokens: number | null;
}

/** @returns null for layers that are no experts, or of which nothing was counted. */
export function expertTokens(layers: readonly TokensOfLayer[]): ExpertTokens | null {
  // The matrices of an expert see the same tokens.
  const counts = new Map<string, { readonly block: string; readonly tokens: number }>();
  for (const { name, tokens } of layers) {
    const { tensor, expert } = tensorOf(name);
    const block = tensor.split('.')[1]!;
    if (expert !== null && tokens !== null) counts.set(`${block}.${expert}`, { block, tokens });
  }
  if (counts.size === 0) return null;
  const all = [...counts.values()];
  const unreached = all.filter(({ tokens }) => tokens === 0);
  return {
    experts: all.length,
    least: all.reduce((least, { tokens }) => Math.min(least, tokens), Number.POSITIVE_INFINITY),
    median: median(all.map(({ tokens }) => tokens)),
    unreached: unreached.length,
    unreachedBlocks: [...new Set(unreached.map(({ block }) => block))],
  };
}

/** @returns `3 of 64 experts saw no calibration token (blocks 0, 5)`, or null where every expert saw one. */
export function unreachedExperts(tokens: ExpertTokens | null): string | null {
  if (tokens === null || tokens.unreached === 0) return null;
  const { unreached, experts, unreachedBlocks } = tokens;
  const blocks = `${unreachedBlocks.length === 1 ? 'block' : 'blocks'} ${unreachedBlocks.join(', ')}`;
  return `${unreached} of ${experts} experts saw no calibration token (${blocks})`;
}

/** What more of a text may do about it. */
export const MORE_TOKENS = 'more or longer sequences may reach them';
