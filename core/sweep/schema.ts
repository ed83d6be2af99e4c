import { z } from 'zod';
import { above0, integerBetween, numberBetween, orNull, textUpTo } from '../bounds.js';
import {
  DEFAULT_ENERGY_WINDOWS,
  DISTURBANCE_LIMITS,
  GATES,
  PROFILE_LEVELS,
} from '../experiment/experiment.js';
import { METRICS } from '../metrics/catalogue.js';
import { taskChoiceSchema } from '../quality/tasks/asking.js';
import { WINDOW_SCHEMES } from '../quality/windows.js';
import { DEFAULT_RUNNER, RUNNERS } from '../runners/index.js';
import { WORKLOADS } from '../workloads/index.js';
import {
  AXIS_NAMES,
  deviceField,
  FIELDS,
  KIND_AXES,
  oneOrMany,
  runnerFields,
  settingFields,
  techniqueFields,
  workloadFields,
} from './fields.js';
import { API_VERSION, USUAL_STARTS_POLICY } from './spec.js';
import { SEARCH_STRATEGIES, STRATEGY_NAMES } from './strategies.js';

/**
 * A sweep file as it is written. This schema judges structure (keys, types, ranges, words) and is what
 * schemas/sweep.schema.json is made from; what depends on several fields at once is judged in resolve.ts.
 */

const written = (fields: Iterable<{ name: string; written: z.ZodType }>) =>
  Object.fromEntries([...fields].map((f) => [f.name, f.written.optional()]));

const source = textUpTo(4096).describe(
  '`builtin:small`, a path below a model folder of the node, `synthetic:llama-3.2-1b` (random weights), or (where a node allows it) `hf:owner/repo:QUANT` or `https://…`.',
);

const model = z
  .union([
    source,
    z.strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/)
        .meta({ title: 'a short name of letters, digits, dots and dashes' })
        .optional()
        .describe('The word in tables; taken from the source when left out.'),
      source,
      digest: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/)
        .meta({ title: '"sha256:" and 64 hex digits' })
        .optional()
        .describe('Digest the file must have.'),
    }),
  ])
  .describe('A model file: its source, or an object with name, source and digest.');

/** Most runner or workload blocks of a sweep; every pair of them is a grid. */
const MAX_BLOCKS = 30;

const blocks = (
  id: string,
  kinds: readonly { kind: string; summary: string }[],
  fields: typeof runnerFields,
) => {
  const [first, ...rest] = kinds.map(({ kind, summary }) =>
    z
      .strictObject({ kind: z.literal(kind), ...written(fields.get(kind) ?? []) })
      .describe(`${kind}: ${summary}.`),
  );
  if (!first) throw new Error('a sweep needs at least one kind');
  return oneOrMany(id, z.discriminatedUnion('kind', [first, ...rest]), MAX_BLOCKS);
};

const kindNames = (kinds: readonly { kind: string }[]) => z.enum(kinds.map((kind) => kind.kind));

const pointName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._+()/=:-]{0,62}$/)
  .meta({ title: 'a name of at most 63 letters, digits, spaces and . _ + ( ) / = : -' })
  .describe('What tables, charts and exports call it; no part of what is measured.');

const selector = z
  .strictObject({
    model: oneOrMany(null, z.string()).optional().describe('Names of models of this sweep.'),
    ...written(FIELDS.values()),
    runner: oneOrMany(null, kindNames(RUNNERS)).optional().describe('Runner kinds.'),
    workload: oneOrMany(null, kindNames(WORKLOADS)).optional().describe('Workload kinds.'),
  })
  .meta({ id: 'selector', minProperties: 1, description: 'Values by axis; every axis named must match.' });

const included = selector
  .extend({ name: pointName.optional() })
  .meta({ id: 'included', minProperties: 1, description: 'Values by axis, and a name for their points.' });

const point = selector.extend({ name: pointName }).meta({
  id: 'point',
  description: 'A name and one value for each axis named; the others have the first of theirs.',
});

const share = () => above0(1);
const seconds = () => above0(604_800).nullable();

export const MEASURE = z.strictObject({
  confidence: numberBetween(0.5, 0.999).default(0.95).describe('Confidence level of the interval.'),
  halfWidth: share()
    .default(0.02)
    .describe('Repeat until the half width of the interval is at most this share of the mean.'),
  minRepeats: integerBetween(1, 10_000).default(3).describe('Repeats before the interval is looked at.'),
  maxRepeats: integerBetween(1, 10_000).default(10).describe('Repeats after which a trial ends in any case.'),
  maxSeconds: seconds()
    .default(0.5)
    .describe(
      'Budget of the repeats of a trial: none begins that would end later. Warm-up takes at most half as much, one round in any case; null is no budget.',
    ),
  warmupSpread: share()
    .default(0.05)
    .describe('Warm-up ends when the spread (cv) of its last three rounds is below this.'),
  maxWarmups: integerBetween(0, 1000).default(5).describe('Warm-up rounds, at most; 0 starts cold.'),
  trialTimeoutSeconds: seconds()
    .default(null)
    .describe("A longer trial is killed; null is the agent's own limit, which is the longest in any case."),
  maxStealRatio: numberBetween(0, 1)
    .default(DISTURBANCE_LIMITS.maxStealRatio)
    .describe(
      'Share of CPU time stolen by the hypervisor above which a row is disturbed; from 0.05 on also of what others take of the same physical cores.',
    ),
  maxForeignCores: numberBetween(0, 100_000)
    .default(DISTURBANCE_LIMITS.maxForeignCores)
    .describe('CPU use of other processes, in cores, above which a row is disturbed.'),
  maxCoreLatencyRatio: numberBetween(1, 100_000)
    .default(DISTURBANCE_LIMITS.maxCoreLatencyRatio)
    .describe(
      'Core-to-core latency of the CPUs, over what is usual on the machine, above which a row of more than one thread is disturbed.',
    ),
  maxSpread: above0(100)
    .default(0.1)
    .describe(
      'Standard error of the median of a start’s repeats, as a share of it, above which the start is disturbed.',
    ),
  gates: z
    .enum(GATES)
    .default('warn')
    .describe(
      'What becomes of rows that are disturbed: warn marks them, strict makes them invalid, as for who publishes.',
    ),
  meters: z.enum(['on', 'off']).default('on').describe('off measures time alone, to see what meters cost.'),
  energyWindows: integerBetween(0, 100)
    .default(DEFAULT_ENERGY_WINDOWS)
    .describe(
      'A phase shorter than 20 update periods of the energy source is repeated without a pause until it is that long, so many times; 0 leaves it short.',
    ),
  gridGramsPerKilowattHour: orNull(numberBetween(0, 5000)).describe(
    'Grams of CO2 equivalent per kilowatt hour of the grid, for carbonGrams; null takes what the node states, if it states any.',
  ),
  profile: z
    .enum(PROFILE_LEVELS)
    .default('off')
    .describe('modules times the operators of the model by module, in a run of its own after the timed one.'),
});

/**
 * How often an experiment is measured; written under `measure`, where `maxStarts` follows `starts` when it is
 * left out.
 */
export const REPETITION = {
  starts: integerBetween(1, 1000)
    .default(USUAL_STARTS_POLICY.starts)
    .describe('Processes that measure each experiment, each in a block of its own.'),
  maxStarts: integerBetween(1, 1000)
    .optional()
    .describe(
      'More starts, up to so many, while the interval over starts is wider than halfWidth; starts when left out.',
    ),
  retryInvalid: integerBetween(0, 100)
    .default(USUAL_STARTS_POLICY.retryInvalid)
    .describe('How many further starts an experiment gets for those that came out invalid.'),
} as const;

export const PLACEMENT = {
  perNode: z.boolean().default(false).describe('Measure every point on every node that has the device.'),
  nodeSelector: z
    .record(textUpTo(63), oneOrMany(null, z.string().max(256), 100))
    .default({})
    .describe(
      'Labels that a node must have to run it, each with this value or one of these: `{ zone: lab }`.',
    ),
  blockSize: integerBetween(1, 10_000)
    .default(16)
    .describe('Experiments allocated to a node at a time, shuffled, between two drift controls.'),
  driftControl: z.boolean().default(true).describe('Run one reference experiment at both ends of a block.'),
  retries: integerBetween(0, 100).default(1).describe('How often a failed trial is tried again.'),
  seed: integerBetween(0, 0xffff_ffff)
    .optional()
    .describe('Seed of the random order; made from the name when left out.'),
} as const;

const file = () => textUpTo(4096);
const task = z.union([file(), taskChoiceSchema]).meta({ id: 'task', title: 'a task file, or { file, … }' });

export const QUALITY = z.strictObject({
  text: orNull(file()).describe(
    'Text for perplexity: `builtin:sample`, or a path below a model folder of the node.',
  ),
  windows: z
    .enum(WINDOW_SCHEMES)
    .default('llama')
    .describe('How the text is cut: as llama-perplexity, as the DSnoT evaluation, or strided.'),
  contextTokens: integerBetween(4, 1_048_576).default(512).describe('Tokens of a window.'),
  stride: orNull(integerBetween(1, 1_048_576)).describe(
    'How far strided windows move on; null is half a window.',
  ),
  maxWindows: orNull(integerBetween(1, 1_000_000)).describe(
    'Windows that are scored, at most (llama-perplexity: --chunks); null scores the whole text.',
  ),
  tasks: z
    .union([task, z.array(task).min(1).max(50)])
    .optional()
    .describe(
      'Task files, JSONL or YAML that maps their fields, or of lm-evaluation-harness, below a model folder of the node; `{ file, … }` asks one otherwise than it says.',
    ),
  base: z
    .boolean()
    .default(true)
    .describe('Compare with the base model: divergence, agreement, and what is retained of its scores.'),
});

const better = z.enum(['max', 'min']).meta({ id: 'better' });

const objectives = z
  .strictObject(Object.fromEntries(METRICS.map((m) => [m.name, better.optional().describe(m.help)])))
  .meta({
    minProperties: 1,
    description:
      'Metrics the Pareto front is drawn over, each max or min; left out: decodeTokensPerSecond, or of a server its tokens per second and those of its users.',
  });

const bound = z
  .strictObject({
    atMost: z.number().optional().describe('The most that it may be.'),
    atLeast: z.number().optional().describe('The least that it may be.'),
  })
  .meta({ id: 'bound', title: 'atMost, atLeast or both, in the unit of the metric' });

export const SEARCH = z.strictObject({
  strategy: z
    .enum(STRATEGY_NAMES)
    .default(STRATEGY_NAMES[0])
    .describe(
      `How points are chosen. ${STRATEGY_NAMES.map((name) => `${name}: ${SEARCH_STRATEGIES[name]}`).join('; ')}.`,
    ),
  seed: integerBetween(0, 0xffff_ffff)
    .optional()
    .describe('Seed of its draws; made from the name when left out.'),
  budget: z
    .strictObject({
      trials: integerBetween(1, 10_000_000)
        .optional()
        .describe('Trials, further starts of a point included.'),
      deviceHours: above0(1e6).optional().describe('Hours of devices, from the start of a trial to its end.'),
      joules: above0(1e15).optional().describe('Energy of one repeat of each trial, where it is measured.'),
      money: above0(1e12).optional().describe('Money, by pricePerDeviceHour.'),
      pricePerDeviceHour: above0(1e9).optional().describe('What an hour of a device costs.'),
    })
    .optional()
    .describe('When it ends at the latest; without one when nothing is left, or nothing is gained.'),
  leastGainPerDeviceHour: orNull(numberBetween(0, 1)).describe(
    'It ends when an hour of one device adds less than this share to the volume under its front, such as 0.01; null: it does not.',
  ),
  constraints: z
    .strictObject(Object.fromEntries(METRICS.map((m) => [m.name, bound.optional().describe(m.help)])))
    .optional()
    .describe(
      'Bounds that the search keeps to: points that miss one come behind all that meet them, and get no further starts.',
    ),
  predict: z.boolean().default(true).describe('Whether points are ordered by what is predicted of them.'),
  fidelity: z
    .enum(['full', 'probe'])
    .default('full')
    .describe(
      'probe: points first get a short trial without questions, and a full measurement only where that says that they may stand on the front.',
    ),
});

const axisName = z
  .enum(AXIS_NAMES.filter((name) => !KIND_AXES.includes(name)))
  .meta({ title: 'the name of an axis, such as threads or promptTokens' });

export const sweepSchema = z
  .strictObject({
    apiVersion: z.literal(API_VERSION).optional().describe('Version of this format; this one when left out.'),
    kind: z.literal('Sweep').optional().describe('What the file is.'),
    metadata: z
      .strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
          .meta({ title: 'a name of at most 63 letters, digits, dots and dashes' })
          .describe('The name of the sweep.'),
        labels: z
          .record(textUpTo(63), z.string().max(256))
          .optional()
          .describe('Words of your own that go into every record.'),
      })
      .optional()
      .describe('Left out, the sweep is named after its first model.'),
    spec: z
      .strictObject({
        models: oneOrMany('model', model).describe('What is run. An axis.'),
        techniques: z
          .strictObject(written(techniqueFields))
          .optional()
          .describe('What is varied on the weights. Every list is an axis.'),
        runners: blocks('runner', RUNNERS, runnerFields)
          .optional()
          .describe(
            `What runs the models; ${DEFAULT_RUNNER} with its defaults when left out. Every list is an axis.`,
          ),
        workloads: blocks('workload', WORKLOADS, workloadFields)
          .optional()
          .describe(
            'What is asked of a runner; latency with its defaults when left out. Every list is an axis.',
          ),
        zip: z
          .array(z.array(axisName).min(2).max(AXIS_NAMES.length))
          .max(AXIS_NAMES.length)
          .optional()
          .describe('Groups of axes that walk together instead of being multiplied.'),
        include: z
          .array(included)
          .max(100)
          .optional()
          .describe(
            'Points added: the named axes take these values, the others all of theirs; exclude does not touch them.',
          ),
        points: z
          .array(point)
          .max(100)
          .optional()
          .describe(
            'Single points with names, beside the product of the axes; where no axis has a second value, these alone. exclude does not touch them.',
          ),
        exclude: z
          .array(selector)
          .max(100)
          .optional()
          .describe('Points left out: those that match every named axis.'),
        measure: MEASURE.extend(REPETITION)
          .optional()
          .describe('How long to measure, and when a row may be believed.'),
        quality: QUALITY.optional().describe(
          'What is asked about the answers of each model, after it was timed.',
        ),
        device: z
          .strictObject(written(settingFields))
          .optional()
          .describe(
            'How the device is set while a trial runs; needs a power helper on the node. Every list is an axis.',
          ),
        placement: z
          .strictObject({ device: deviceField.written.optional(), ...PLACEMENT })
          .optional()
          .describe('Where trials run and in which order.'),
        objectives: objectives.optional(),
        search: SEARCH.optional().describe(
          'Finds the front of the objectives without measuring every point; left out, all are measured.',
        ),
      })
      .describe('What is measured, of which models, how and where.'),
  })
  .meta({
    title: 'Ridgepoint sweep',
    description: 'Axes and constraints of a sweep (ridge run, ridge plan).',
  });

/** The part of JSON Schema that sweepSchema turns into. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly title?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly examples?: readonly unknown[];
}

let published: SchemaNode | undefined;

/** @returns the JSON Schema (draft 2020-12) that editors check sweep files with. */
export function sweepJsonSchema(): SchemaNode {
  published ??= z.toJSONSchema(sweepSchema, { io: 'input' }) as SchemaNode;
  return published;
}
