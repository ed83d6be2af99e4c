import type { AttentionCall } from '../../../core/work/operator-call.js';

/** Keys of one sequence that a query sees on average. */
export function keysPerQuery({ newTokens, cachedTokens, window }: AttentionCall): number {
  const last = cachedTokens + newTokens;
  if (window === null || window >= last) return cachedTokens + (newTokens + 1) / 2;
  if (window <= cachedTokens) return window;
  // The first queries see all before them, those behind the window's length see the window.
  const growing = window - cachedTokens;
  return (growing * (cachedTokens + (growing + 1) / 2) + (newTokens - growing) * window) / newTokens;
}

/** Keys of one sequence that any query of the call sees. */
export function keysSeen({ newTokens, cachedTokens, window }: AttentionCall): number {
  const all = cachedTokens + newTokens;
  return window === null ? all : Math.min(all, window + newTokens - 1);
}

export const isWindowed = ({ newTokens, cachedTokens, window }: AttentionCall) =>
  window !== null && window < cachedTokens + newTokens;
