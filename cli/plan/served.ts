import type { Experiment } from '../../core/experiment/experiment.js';
import { meanLength, parseLengths } from '../../core/serving/lengths.js';
import type { ServedDemand } from '../../core/work/served-work.js';

/** What a closed loop, or all requests at once, ask of a server. */
export interface PlannedLoad {
  readonly demand: ServedDemand;
  /** Requests before those that are measured, one after the other. */
  readonly warmups: number;
  readonly outputTokens: number;
}

/**
 * @returns how full the steps of a server will be, as far as the sweep decides that: each slot has a sequence, and while one of n slots decodes its
 *   answer, each of the others reads a prompt. A clause where the load or the server decide it.
 */
export function plannedLoad({
  workload,
  runner,
}: Pick<Experiment, 'workload' | 'runner'>): PlannedLoad | string {
  const { arrival, concurrency, requests, warmupRequests, findHighest, promptDataset } = workload.options;
  const { sharedPrefix, turns, inputTokens, outputTokens, exactLength } = workload.options;
  if (findHighest !== 'none') return 'how long a search for the highest load lasts depends on what it finds';
  if (arrival !== 'closed' && arrival !== 'offline')
    return `how full a server is under arrival ${arrival} depends on its speed`;
  if (promptDataset !== null || exactLength !== true)
    return 'how long prompts and answers are is known when they are there';
  if (Number(sharedPrefix) > 0 || Number(turns) > 1)
    return 'how much of prompts that begin alike a server keeps is its own affair';
  const [prompt, answer] = [inputTokens, outputTokens].map((written) =>
    parseLengths(written as string | number),
  );
  if (typeof prompt !== 'object' || typeof answer !== 'object') return 'its lengths cannot be read';
  const [promptTokens, answerTokens] = [meanLength(prompt), meanLength(answer)];
  const count = Number(requests);
  const { maxSequences } = runner.options;
  const most = typeof maxSequences === 'number' ? maxSequences : Number.POSITIVE_INFINITY;
  const slots = Math.min(arrival === 'closed' ? Number(concurrency) : count, count, most);
  const steps = Math.max(0, answerTokens - 1);
  return {
    demand: {
      ...{ stepSequences: steps === 0 ? 0 : slots, meanSequences: steps === 0 ? 0 : slots },
      contextTokens: promptTokens + answerTokens / 2,
      promptsPerStep: steps === 0 ? 0 : (slots - 1) / steps,
      ...{
        promptsAtOnce: 1,
        promptsBetween: slots > 1 ? 1 : 0,
        promptTokens,
        cachedTokens: 0,
        prompts: count,
        decodeTokens: count * steps,
      },
    },
    warmups: Number(warmupRequests),
    outputTokens: answerTokens,
  };
}
