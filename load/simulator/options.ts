import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { Timing } from '../../batching/read-timing.js';
import { quote } from '../../core/quote.js';
import { TELLS, type TellsName } from './log-probabilities.js';

/** How a simulated server fails. */
export const FAULTS = {
  none: 'it does not',
  die: 'after so many requests it closes all connections and is gone',
  hang: 'takes requests and says nothing',
  'too-many': '429 to every request, with Retry-After',
  'internal-error': '500 with a message',
  'broken-json': 'a chunk is cut in the middle',
  'content-type': 'answers text/html with status 200',
  'chunk-error': 'an error in JSON as a chunk, after some tokens',
  'no-done': 'ends its stream without [DONE] and without finish_reason',
  'no-end': 'sends tokens for ever',
  'stays-open': 'says [DONE] and does not close',
  'half-close': 'closes its side in the middle of a stream',
  reset: 'resets the connection in the middle of a stream',
  'slow-loris': 'sends comments for ever, and no token',
  redirect: '307 to another path',
  short: 'ends after half of the tokens that were asked for',
} as const;
type FaultName = keyof typeof FAULTS;

const isFault = (name: string): name is FaultName => Object.hasOwn(FAULTS, name);

const seconds = z.coerce.number().min(0).max(1e6);
const OPTIONS = z.strictObject({
  host: z.string().default('127.0.0.1'),
  /** 0 = any that is free. */
  port: z.coerce.number().int().min(0).max(65_535).default(0),
  model: z.string().default('simulated'),
  /** From the start of the process until `/health` says that it is ready. */
  ready: seconds.default(0),
  /**
   * As fast as a GPU with an engine, '' = by the constants below: 'h100:vllm:llama-3.1-8b'. Requests then
   * share steps, wait for one another and for room in the cache.
   */
  timing: z
    .string()
    .default('')
    .transform((words, context) => (words === '' ? null : timingOf(words, context))),
  /** From a request to its first chunk. */
  ttft: seconds.default(0.02),
  /** Time between tokens; between chunks it is multiplied by the tokens of a chunk. */
  itl: seconds.default(0.005),
  'chunk-tokens': z.coerce.number().int().min(1).max(1000).default(1),
  /** Prompt tokens (words) per second, which make the first chunk later; 0 = prompts take no time. */
  prefill: z.coerce.number().min(0).max(1e9).default(0),
  /** The most requests that are answered at the same time, while others wait; 0 = no limit. */
  'max-sequences': z.coerce.number().int().min(0).max(1e6).default(0),
  /** Tokens of an answer if the request does not say. */
  tokens: z.coerce.number().int().min(1).max(1e6).default(64),
  /** The text that answers repeat; '' = some words. */
  says: z.string().max(1000).default(''),
  /**
   * How it caches prompts that it has seen: the first token comes at once (`prefixes`), the whole answer does
   * (`answers`), or the words that two prompts have in common take no time (`beginnings`).
   */
  keeps: z.enum(['nothing', 'prefixes', 'answers', 'beginnings']).default('nothing'),
  /** The server that it imitates in its metrics, its name, and how it ends and counts streams. */
  speaks: z.enum(['llama.cpp', 'vLLM']).default('llama.cpp'),
  /** The text of every n-th token comes with the next one, like a part of a character; 0 = never. */
  'late-text': z.coerce.number().int().min(0).max(1000).default(0),
  'log-probabilities': z.enum(Object.keys(TELLS) as [TellsName, ...TellsName[]]).default('echo'),
  /** The time after the first request at which everything stalls, and for how long. */
  'stall-at': seconds.default(0),
  'stall-for': seconds.default(0),
  /** `hang`, or `hang:20` after that many requests that go well. */
  fault: z
    .string()
    .default('none')
    .transform((text, context) => {
      const [, name = '', after = '0'] = /^([a-z-]+)(?::(\d{1,9}))?$/.exec(text) ?? [];
      if (isFault(name)) return { name, after: Number(after) };
      context.addIssue(`there is no fault ${quote(text)}; there are: ${Object.keys(FAULTS).join(', ')}`);
      return z.NEVER;
    }),
});
/** Tables of GPUs take a tenth of a second to load, and hardly any simulated server needs them. */
async function timingOf(words: string, context: z.RefinementCtx): Promise<Timing> {
  const { readTiming } = await import('../../batching/read-timing.js');
  const timing = readTiming(words);
  if (typeof timing !== 'string') return timing;
  context.addIssue(timing);
  return z.NEVER;
}

export type SimulatorOptions = z.infer<typeof OPTIONS>;

/** @returns options with defaults for those left out. @throws ZodError. */
export async function simulatorOptions(given: z.input<typeof OPTIONS> = {}): Promise<SimulatorOptions> {
  return await OPTIONS.parseAsync(given);
}

/** Reads `--ttft=0.1 --chunk=4 …`. @returns options, or a sentence on what is wrong. */
export async function parseOptions(args: readonly string[]): Promise<SimulatorOptions | string> {
  try {
    const names = Object.keys(OPTIONS.shape);
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false });
    const read = await OPTIONS.safeParseAsync(values);
    if (read.success) return read.data;
    const [issue] = read.error.issues;
    return `--${issue!.path.join('.')}: ${issue!.message}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** @returns what `--help` says. */
export function helpText(): string {
  const defaults = OPTIONS.parse({});
  const options = Object.entries({
    ...defaults,
    timing: "'' (or [Nx]DEVICE:ENGINE:MODEL[:BITS])",
    fault: defaults.fault.name,
  });
  const faults = Object.entries(FAULTS);
  return [
    'A server that pretends: the API of OpenAI with these times, and no model. Seconds and tokens.',
    ...options.map(([name, value]) => `  --${name.padEnd(16)} ${value}`),
    'Log-probabilities:',
    ...Object.entries(TELLS).map(([name, does]) => `  ${name.padEnd(18)} ${does}`),
    'Faults, each with :N after it where N requests go well before:',
    ...faults.map(([name, does]) => `  ${name.padEnd(18)} ${does}`),
  ].join('\n');
}
