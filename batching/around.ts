import { loadOf, type ServingOptions } from './load.js';
import type { BatchingServer } from './server.js';
import { type SimulationBounds, simulateBatching } from './simulate.js';

/** Warming up one by one is looked at for so many requests. */
const MOST_ALONE = 16;
/** The audit asks so many prompts twice for so many tokens (agent/workloads/serving.ts). */
const AUDIT = { prompts: 8, tokens: 16, seconds: 60 } as const;

/** @returns seconds of what is asked one by one: warming up, and the audit behind the load. */
export function secondsAround(
  options: ServingOptions,
  server: BatchingServer,
  bounds: SimulationBounds,
): number {
  const alone = { ...options, arrival: 'closed', concurrency: 1, trace: null, loadSeconds: null } as const;
  const secondsOf = (requests: number, outputTokens: string | number) => {
    if (requests === 0) return 0;
    const load = loadOf({ ...alone, requests, outputTokens }, null);
    return typeof load === 'string' ? 0 : simulateBatching(load, server, bounds).seconds;
  };
  const { warmupRequests, audit, outputTokens } = options;
  const looked = Math.min(warmupRequests, MOST_ALONE);
  const warmup = looked === 0 ? 0 : (warmupRequests / looked) * secondsOf(looked, outputTokens);
  const asked = audit ? Math.min(AUDIT.seconds, 2 * secondsOf(AUDIT.prompts, AUDIT.tokens)) : 0;
  return warmup + asked;
}
