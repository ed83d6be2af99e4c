import { readFile } from 'node:fs/promises';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { drawLength, type Lengths, parseLengths } from '../../core/serving/lengths.js';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import { traceFormatOf } from '../../core/serving/trace.js';
import type { PlannedRequest } from '../../load/endpoint.js';
import { datasetRequests } from '../../load/prompts/dataset.js';
import { markedPrompt, markerOf } from '../../load/prompts/salt.js';
import { syntheticRequests } from '../../load/prompts/synthetic.js';
import { traceRequests } from '../../load/prompts/trace.js';

/** What a workload says of its requests. */
export interface RequestsWanted {
  /** Of the file that `promptDataset` or `trace` names; null = prompts are made up. */
  readonly path: string | null;
  readonly trace: string | null;
  readonly traceSpeed: number;
  readonly inputTokens: number | string;
  readonly outputTokens: number | string;
  readonly sharedPrefix: number;
  readonly turns: number;
  readonly thinkSeconds: number;
  readonly api: 'completions' | 'chat';
  readonly tokenizer: Tokenizer | null;
  /**
   * Another salt gives other texts of the same lengths: many trials ask one server, which may cache prompts.
   */
  readonly salt: string;
}

/**
 * Makes the requests of a run. The same seed gives every variant the same lengths and the same shared
 * prefixes.
 */
export type RequestMaker = (count: number, seed: number) => readonly PlannedRequest[];

/**
 * Reads what requests are made of, once for all runs.
 * @throws FailureError `impossible-combination` for a file that cannot be read, with its first wrong line; a
 *   maker throws it for a trace.
 */
export async function requestMaker(wanted: RequestsWanted): Promise<RequestMaker> {
  const { path, trace, traceSpeed, api, tokenizer, salt } = wanted;
  // A template brings its own.
  const beginTokens = api === 'completions' && tokenizer !== null && tokenizer.beginToken !== null ? 1 : 0;
  const outputTokens = lengthsOf(wanted.outputTokens);
  if (path === null) {
    const { sharedPrefix, turns, thinkSeconds } = wanted;
    const promptTokens = lengthsOf(wanted.inputTokens);
    const order = { salt, promptTokens, beginTokens, outputTokens, sharedPrefix, turns, thinkSeconds };
    return (count, seed) => syntheticRequests({ ...order, count, seed }, tokenizer);
  }
  const text = await textOf(path);
  if (trace === null) {
    const prompts = taken(path, datasetRequests(text, tokenizer));
    return (count, seed) => {
      const marker = markerOf(`${salt} ${seed}`);
      return withLengths(prompts.slice(0, count), outputTokens, seed).map((one) => withMarker(one, marker));
    };
  }
  const format = traceFormatOf(text);
  return (most, seed) => {
    const options = { salt: `${salt} ${seed}`, beginTokens, most };
    return taken(path, traceRequests(text, format, options, tokenizer)).map((request) => ({
      ...request,
      thinkSeconds: request.thinkSeconds / traceSpeed,
      atSeconds: request.atSeconds === null ? null : request.atSeconds / traceSpeed,
    }));
  };
}

/**
 * @returns a request whose prompt begins with a marker. A turn that follows others is sent behind theirs. A
 *   count of the prompt's tokens holds no more.
 */
function withMarker(request: PlannedRequest, marker: string): PlannedRequest {
  if (request.follows) return request;
  return { ...request, prompt: markedPrompt(request.prompt, marker), promptTokens: null };
}

/** A prompt that says no length of its answer gets one that the sweep says, drawn for itself. */
function withLengths(prompts: readonly PlannedRequest[], lengths: Lengths, seed: number): PlannedRequest[] {
  const random = xoroshiro128plus(seed);
  return prompts.map((prompt) => {
    // Drawn for each, so that one more prompt with a length of its own changes no other's.
    const drawn = drawLength(lengths, () => uniformFloat64(random));
    return { ...prompt, wantedTokens: prompt.wantedTokens ?? drawn };
  });
}

/** The door has read it already. */
function lengthsOf(written: number | string): Lengths {
  const lengths = parseLengths(written);
  if (typeof lengths !== 'string') return lengths;
  throw failed('impossible-combination', lengths);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw failed('impossible-combination', `the requests ${path} cannot be read: ${fileProblem(error)}`);
  }
}

function taken(path: string, read: PlannedRequest[] | string): readonly PlannedRequest[] {
  if (typeof read !== 'string') return read;
  throw failed('impossible-combination', `the requests ${path} cannot be read: ${read}`);
}
