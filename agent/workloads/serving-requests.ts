import { readFile } from 'node:fs/promises';
import { FailureError, failure } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { type Lengths, parseLengths } from '../../core/serving/lengths.js';
import type { PlannedRequest } from '../serving/endpoint.js';
import { datasetRequests } from '../serving/prompts/dataset.js';
import { syntheticRequests } from '../serving/prompts/synthetic.js';
import { type TraceFormat, traceRequests } from '../serving/prompts/trace.js';
import type { Tokenizer } from '../serving/tokenizer.js';

/** What a workload says of its requests. */
export interface RequestsWanted {
  readonly requests: number;
  readonly seed: number;
  /** Of the file that `promptDataset` or `trace` names; null = prompts are made up. */
  readonly path: string | null;
  readonly trace: string | null;
  readonly traceSpeed: number;
  readonly inputTokens: number | string;
  readonly outputTokens: number | string;
  readonly sharedPrefix: number;
  readonly turns: number;
  readonly thinkSeconds: number;
  readonly tokenizer: Tokenizer | null;
}

/**
 * @returns the requests of a run, the same for every variant with the same seed.
 * @throws FailureError `impossible-combination` for a file that cannot be read, with its first wrong line.
 */
export async function plannedRequests(wanted: RequestsWanted): Promise<readonly PlannedRequest[]> {
  const { requests: count, seed, path, trace, tokenizer } = wanted;
  if (path === null) {
    const { sharedPrefix, turns, thinkSeconds } = wanted;
    const promptTokens = lengthsOf(wanted.inputTokens);
    const outputTokens = lengthsOf(wanted.outputTokens);
    const order = { count, seed, promptTokens, outputTokens, sharedPrefix, turns, thinkSeconds };
    return syntheticRequests(order, tokenizer);
  }
  const text = await textOf(path);
  if (trace !== null) {
    const traced = taken(path, traceRequests(text, traceFormatOf(text), { seed, most: count }, tokenizer));
    return traced.map((request) => ({
      ...request,
      thinkSeconds: request.thinkSeconds / wanted.traceSpeed,
      atSeconds: request.atSeconds === null ? null : request.atSeconds / wanted.traceSpeed,
    }));
  }
  const prompts = taken(path, datasetRequests(text, tokenizer)).slice(0, count);
  // A line that says no length is answered to the length that the sweep says.
  const [own] = syntheticRequests(
    {
      count: 1,
      seed,
      promptTokens: { kind: 'fixed', tokens: 1 },
      outputTokens: lengthsOf(wanted.outputTokens),
    },
    null,
  );
  return prompts.map((prompt) => ({ ...prompt, wantedTokens: prompt.wantedTokens ?? own!.wantedTokens }));
}

/** The door has read it already. */
function lengthsOf(written: number | string): Lengths {
  const lengths = parseLengths(written);
  if (typeof lengths !== 'string') return lengths;
  throw new FailureError(failure('impossible-combination', lengths));
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FailureError(
      failure('impossible-combination', `the requests ${path} cannot be read: ${fileProblem(error)}`),
    );
  }
}

function taken(path: string, read: PlannedRequest[] | string): readonly PlannedRequest[] {
  if (typeof read !== 'string') return read;
  throw new FailureError(failure('impossible-combination', `the requests ${path} cannot be read: ${read}`));
}

/** By its first line: JSON, or the heads of its columns. */
function traceFormatOf(text: string): TraceFormat {
  const [head = ''] = text.split('\n', 1);
  if (head.trimStart().startsWith('{')) return 'mooncake';
  return head.toUpperCase().includes('CONTEXTTOKENS') ? 'azure' : 'burstgpt';
}
