import { z } from 'zod';
import { above0, integerBetween, numberBetween, orNull, textUpTo } from '../bounds.js';
import { numberOn, type Rule, readable, refuse } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { ARRIVALS } from '../serving/arrivals.js';
import { parseLengths } from '../serving/lengths.js';
import { parseLoraShares } from '../serving/loras.js';
import { parseSlo } from '../serving/slo.js';
import { EVERY_ROW, lackingWhere, type ValuesOf, type WorkloadKind } from './workload.js';

const OPEN: readonly unknown[] = ['constant', 'poisson', 'gamma', 'ramp'];
/** @returns whether requests start when a schedule says, whatever the server does. */
export const isScheduled = (arrival: unknown) => arrival === 'trace' || OPEN.includes(arrival);

/** A number of tokens, or a distribution of them (core/serving/lengths.ts). */
const lengths = () =>
  z.union([
    integerBetween(1, 1_048_576),
    textUpTo(100)
      .regex(/^[a-z]+:[0-9.,]+(\.\.[0-9]+)?$/)
      .meta({ title: 'a number of tokens, or a distribution such as uniform:64..256 or normal:256,64' }),
  ]);
const file = () => orNull(textUpTo(4096));
const rate = () => orNull(above0(1_000_000));

const openNeedsRate = refuse(
  ['arrival', 'requestsPerSecond'],
  ({ arrival, requestsPerSecond }) => OPEN.includes(arrival) && requestsPerSecond === null,
  ({ arrival }) => `arrival ${arrival} needs requestsPerSecond`,
);

const rateNeedsOpen = refuse(
  ['arrival', 'requestsPerSecond'],
  ({ arrival, requestsPerSecond }) => requestsPerSecond !== null && !OPEN.includes(arrival),
  ({ arrival }) =>
    `requestsPerSecond says nothing where arrival is ${arrival}: choose constant, poisson, gamma or ramp, or leave it out`,
);

const concurrencyNeedsClosed = refuse(
  ['arrival', 'concurrency'],
  (values) => values.arrival !== 'closed' && (numberOn(values, 'concurrency') ?? 1) > 1,
  (values) =>
    `concurrency is what a closed loop holds, and arrival is ${values.arrival}: an open loop sends whatever the server does`,
);

const rampNeedsEnd = refuse(
  ['arrival', 'rampToPerSecond'],
  ({ arrival, rampToPerSecond }) => arrival === 'ramp' && rampToPerSecond === null,
  'arrival ramp needs rampToPerSecond',
);

const traceNeedsFile: Rule = {
  axes: ['arrival', 'trace'],
  reason: ({ arrival, trace }) =>
    (arrival === 'trace') === (trace !== null)
      ? null
      : trace === null
        ? 'arrival trace needs trace, the file that says when requests start'
        : 'a trace says when requests start: set arrival to trace, or leave trace out',
};

const readableSlo = readable('slo', (text) => {
  const reading = parseSlo(text);
  return reading.ok ? null : reading.message;
});

const searchable: Rule = {
  axes: ['findHighest', 'slo', 'arrival'],
  reason({ findHighest, slo, arrival }) {
    if (findHighest === 'none') return null;
    if (slo === null) return 'findHighest needs slo: state what has to be kept';
    const wanted = findHighest === 'concurrency' ? ['closed'] : ['constant', 'poisson', 'gamma'];
    return wanted.includes(String(arrival))
      ? null
      : `findHighest ${findHighest} needs arrival ${wanted.join(' or ')}`;
  },
};

const lackingSearch =
  (load: string) =>
  (valuesOf: ValuesOf): string | null =>
    valuesOf('findHighest').includes(load) ? null : `findHighest is not ${load}`;

/**
 * What can be asked of a server by OpenAI's API: so many requests, started as `arrival` says, each timed
 * token by token.
 */
export const serving = {
  kind: 'serving',
  summary: 'requests to a server, in a closed or open loop, timed token by token from outside',
  options: z.strictObject({
    arrival: z
      .enum(ARRIVALS)
      .default('closed')
      .describe(
        'closed keeps concurrency requests on their way; constant, poisson, gamma and ramp start them whatever the server does; offline starts all at once; trace as its time stamps say.',
      ),
    concurrency: integerBetween(1, 65_536)
      .default(1)
      .describe('Requests on their way at any time in a closed loop (vLLM: --max-concurrency).'),
    requestsPerSecond: rate().describe(
      'Mean rate of an open loop (vLLM: --request-rate); where a ramp begins.',
    ),
    rampToPerSecond: rate().describe('Rate at which a ramp ends.'),
    burstiness: above0(1000)
      .default(1)
      .describe('Shape of the gaps of arrival gamma: below 1 in bursts, 1 as Poisson (vLLM: --burstiness).'),
    requests: integerBetween(1, 10_000_000).default(64).describe('Requests that are measured, at most.'),
    warmupRequests: integerBetween(0, 100_000)
      .default(4)
      .describe('Requests before those, one after the other, that are not measured.'),
    loadSeconds: orNull(above0(604_800)).describe(
      'No request starts later than so long after the first; null is no limit.',
    ),
    inputTokens: lengths()
      .default(128)
      .describe(
        'Tokens of a prompt as the server reads it, with its begin-of-sequence token; of a chat those of the message: a number, uniform:64..256, normal:256,64 (mean, standard deviation) or lognormal:256,0.5 (median, sigma).',
      ),
    outputTokens: lengths().default(64).describe('Tokens of an answer, in the same words.'),
    exactLength: z
      .boolean()
      .default(true)
      .describe('Answers go on to their length whatever the model says; false ends where the model ends.'),
    promptDataset: file().describe(
      'Prompts in place of random ones: a JSONL file below a model folder of the node, each line with `prompt` or `messages`.',
    ),
    trace: file().describe(
      'A file below a model folder of the node that says when requests start and how long they are: Mooncake, Azure or BurstGPT.',
    ),
    traceSpeed: above0(1000).default(1).describe('How much faster than its time stamps a trace is played.'),
    turns: integerBetween(1, 1000)
      .default(1)
      .describe('Turns of a conversation; each prompt begins with all that was said before.'),
    thinkSeconds: numberBetween(0, 3600)
      .default(0)
      .describe('From an answer to the next turn of its conversation.'),
    sharedPrefix: numberBetween(0, 1)
      .default(0)
      .describe('Share of each prompt that is the same in all of them.'),
    loraShares: orNull(textUpTo(20_000)).describe(
      'Which LoRA adapter requests ask for, in parts, such as sql:3,chat:1,base:1 (base is the model as it is); a conversation keeps its own.',
    ),
    api: z.enum(['completions', 'chat']).default('completions').describe('The endpoint that is asked.'),
    stream: z
      .boolean()
      .default(true)
      .describe('Answers come token by token; false times whole answers alone.'),
    temperature: numberBetween(0, 10).default(0).describe('Of sampling; 0 takes the likeliest token.'),
    loadSeed: integerBetween(0, 0xffff_ffff)
      .default(1)
      .describe(
        'Seed of lengths, of when requests start and of what prompts share: the same of every variant.',
      ),
    promptSalt: orNull(
      textUpTo(64)
        .regex(/^[A-Za-z0-9-]+$/)
        .meta({ title: 'letters, digits and dashes' }),
    ).describe(
      'Of the texts of prompts: null makes others in each start, so that no cache knows them; that of a record makes the same again.',
    ),
    requestTimeoutSeconds: above0(86_400)
      .default(600)
      .describe('A request without an end by then is given up, and counts as failed.'),
    audit: z
      .boolean()
      .default(true)
      .describe(
        'Asks eight prompts twice after the run, within a minute: a server that keeps answers is told of.',
      ),
    slo: orNull(textUpTo(500)).describe(
      'What a request has to keep to count for goodput, such as `ttft:p90<=500ms,tpot:p90<=50ms,e2e:max<=10s`.',
    ),
    findHighest: z
      .enum(['none', 'requestsPerSecond', 'concurrency'])
      .default('none')
      .describe(
        'Searches the highest rate or concurrency that keeps slo, by bisection from the one that is given, and measures the row there.',
      ),
  }),
  needs: 'endpoint',
  lessMemory: 'Lower maxContext or maxSequences, or choose a smaller quantization.',
  rules: [
    openNeedsRate,
    rateNeedsOpen,
    concurrencyNeedsClosed,
    rampNeedsEnd,
    traceNeedsFile,
    readable('inputTokens', parseLengths),
    readable('outputTokens', parseLengths),
    readableSlo,
    readable('loraShares', parseLoraShares),
    searchable,
  ],
  // The two sides of a Pareto curve (MLPerf Endpoints).
  objectives: [
    { metric: 'systemTokensPerSecond', better: 'max' },
    { metric: 'userTokensPerSecond', better: 'max' },
  ],
  gives: {
    model: EVERY_ROW,
    tokens: EVERY_ROW,
    prompt: EVERY_ROW,
    answer: EVERY_ROW,
    output: EVERY_ROW,
    serving: EVERY_ROW,
    drafts: EVERY_ROW,
    slo: lackingWhere('slo', null),
    highestRate: lackingSearch('requestsPerSecond'),
    highestConcurrency: lackingSearch('concurrency'),
  },
  keyMetrics: ['requestsPerSecond', 'scheduledTimeToFirstTokenP90Seconds', 'interTokenLatencyP50Seconds'],
  withinContext: () => ({}),
  alsoKnownAs: aliases({
    requestsPerSecond: ['request_rate', 'requestRate', 'qps', 'rate'],
    concurrency: ['max_concurrency', 'maxConcurrency', 'users'],
    requests: ['num_prompts', 'numPrompts', 'request_count'],
    warmupRequests: ['num_warmups', 'numWarmups'],
    inputTokens: ['input_len', 'inputLength', 'random_input_len'],
    outputTokens: ['output_len', 'outputLength', 'random_output_len'],
    promptDataset: ['dataset_path', 'datasetPath'],
    slo: ['goodput'],
    sharedPrefix: ['prefix'],
  }),
} satisfies WorkloadKind;
