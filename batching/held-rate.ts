import { meanLength, parseLengths } from '../core/serving/lengths.js';
import { loadOf, type ServingOptions } from './load.js';
import type { BatchingServer } from './server.js';
import { simulateBatching } from './simulate.js';

/** So many times as many requests as run at once, so that the middle of them meets a full server. */
const ROUNDS = 4;
const FEWEST = 200;
const MOST = 20_000;

/**
 * The rate that a server holds: above it, its queue grows for as long as requests come. It is how many of the
 * same lengths a full server answers in a second, seen in the middle half of many that come all at once.
 * @param options of a load whose prompts are made up.
 * @returns requests per second; a sentence where there is no such load.
 */
export function heldRate(options: ServingOptions, server: BatchingServer): number | string {
  const requests = Math.min(MOST, Math.max(FEWEST, ROUNDS * atOnce(options, server)));
  const offline = { arrival: 'offline', concurrency: 1, requestsPerSecond: null, loadSeconds: null } as const;
  const load = loadOf({ ...options, ...offline, requests, thinkSeconds: 0 }, null);
  if (typeof load === 'string') return load;
  const run = simulateBatching(load, server);
  const ends: number[] = [];
  for (let i = 0; i < run.requests.count; i++) if (!run.refusals.has(i)) ends.push(run.requests.done.at(i));
  ends.sort((a, b) => a - b);
  const [first, last] = [Math.floor(ends.length / 4), Math.floor((3 * ends.length) / 4)];
  const seconds = ends[last]! - ends[first]!;
  // Where they end together there is no middle.
  return seconds > 0 ? (last - first) / seconds : ends.length / run.seconds;
}

/** Requests that all replicas run at once. */
function atOnce({ inputTokens, outputTokens }: ServingOptions, server: BatchingServer): number {
  const [prompt, answer] = [inputTokens, outputTokens].map((text) => parseLengths(text));
  if (typeof prompt !== 'object' || typeof answer !== 'object') return 0;
  const tokens = meanLength(prompt) + meanLength(answer) / 2;
  const { mostSequences } = server.scheduler;
  return server.replicas * Math.ceil(Math.min(mostSequences, server.cacheTokens / tokens));
}
