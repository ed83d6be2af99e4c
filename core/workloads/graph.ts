import { z } from 'zod';
import { above0, integerBetween, numberBetween, orNull, textUpTo } from '../bounds.js';
import { type Rule, readable, refuse } from '../experiment/rule.js';
import { parseSettings } from '../graph/settings.js';
import { serving } from './serving.js';
import { EVERY_ROW, type WorkloadKind } from './workload.js';

/** When applications begin; each is a whole graph. */
const GRAPH_ARRIVALS = ['closed', 'constant', 'poisson', 'gamma', 'ramp', 'offline'] as const;
const OPEN: readonly unknown[] = ['constant', 'poisson', 'gamma', 'ramp'];

const openNeedsRate: Rule = {
  axes: ['applicationArrival', 'applicationsPerSecond'],
  reason: ({ applicationArrival: arrival, applicationsPerSecond }) =>
    OPEN.includes(arrival) === (applicationsPerSecond !== null)
      ? null
      : applicationsPerSecond === null
        ? `applicationArrival ${arrival} needs applicationsPerSecond`
        : `applicationsPerSecond says nothing where applicationArrival is ${arrival}: choose constant, poisson, gamma or ramp, or leave it out`,
};

const rampNeedsEnd = refuse(
  ['applicationArrival', 'applicationsRampToPerSecond'],
  ({ applicationArrival: arrival, applicationsRampToPerSecond }) =>
    (arrival === 'ramp') !== (applicationsRampToPerSecond !== null),
  'applicationArrival ramp and applicationsRampToPerSecond need each other',
);

/** The same as of single requests. */
const { burstiness, temperature, loadSeed, requestTimeoutSeconds } = serving.options.shape;

const rate = () => orNull(above0(100_000));

/**
 * Applications whose requests go into each other: prompts, tools, votes and loops of a graph file, timed as
 * wholes and call by call.
 */
export const graph = {
  kind: 'graph',
  summary: 'applications of several requests that go into each other, timed from end to end and call by call',
  options: z.strictObject({
    graph: textUpTo(4096)
      .default('graph.yaml')
      .describe('The file of the graph (kind: Graph), below a model folder of the node or beside the sweep.'),
    settings: orNull(textUpTo(2000)).describe(
      'Settings of the graph in place of its own, such as `chunk=512,out=50`.',
    ),
    execution: z
      .enum(['graph', 'separate'])
      .default('graph')
      .describe(
        'graph submits an application once, and its requests follow each other there; separate sends each request from a client of its own, and waits for its answer.',
      ),
    networkDelayMs: numberBetween(0, 60_000)
      .default(0)
      .describe(
        'Milliseconds that a round trip over the network is taken to cost: once for a graph, for each request where they are separate.',
      ),
    prefixes: z
      .enum(['once', 'engine', 'off'])
      .default('once')
      .describe(
        'Beginnings that prompts have in common: computed once where the engine can, as the engine does by itself, or each time.',
      ),
    applications: orNull(integerBetween(1, 1_000_000)).describe(
      'How many are measured, items from the first on and over again; null is each item once.',
    ),
    warmups: integerBetween(0, 1000)
      .default(1)
      .describe('Rounds of short unrelated requests before, in each place of the engine.'),
    applicationArrival: z
      .enum(GRAPH_ARRIVALS)
      .default('closed')
      .describe(
        'closed keeps applicationsAtOnce running; the others start them whatever the engine does; offline all at once.',
      ),
    applicationsAtOnce: integerBetween(1, 65_536)
      .default(1)
      .describe('Applications that a closed loop keeps running.'),
    applicationsPerSecond: rate().describe('Mean rate of an open loop; where a ramp begins.'),
    applicationsRampToPerSecond: rate().describe('Rate at which a ramp ends.'),
    burstiness,
    requestsAtOnce: integerBetween(1, 1024)
      .default(16)
      .describe('Requests that the engine is given at once, at most, of all applications together.'),
    cacheTokens: integerBetween(256, 16_777_216)
      .default(8192)
      .describe('Of an engine in the trial’s process: tokens of its cache, for all requests together.'),
    promptsAs: z
      .enum(['chat', 'text'])
      .default('chat')
      .describe('Prompts as messages of a chat, by the model’s own template, or as plain text.'),
    temperature,
    maxTokens: integerBetween(1, 65_536).default(128).describe('Of an answer of nodes that say none.'),
    answersToLength: z
      .boolean()
      .default(false)
      .describe(
        'Answers go on to their length whatever the model says, so that every variant generates as much.',
      ),
    loadSeed,
    requestTimeoutSeconds,
  }),
  needs: 'completions',
  lessMemory: 'Lower cacheTokens, or choose a smaller quantization.',
  rules: [readable('settings', parseSettings), openNeedsRate, rampNeedsEnd],
  objectives: [{ metric: 'applicationLatencySeconds', better: 'min' }],
  gives: {
    model: EVERY_ROW,
    tokens: EVERY_ROW,
    output: EVERY_ROW,
    graph: EVERY_ROW,
  },
  keyMetrics: ['applicationLatencySeconds', 'applicationLatencyP99Seconds', 'applicationsPerSecond'],
  withinContext: () => ({}),
  alsoKnownAs: { delay: 'networkDelayMs', network_delay: 'networkDelayMs', file: 'graph' },
} satisfies WorkloadKind;
