import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Reading } from '../../core/input/reading.js';
import { PROFILES } from '../../core/runners/server/gen/profiles.js';
import {
  type Aim,
  type Bound,
  type Role,
  readAim,
  readBound,
  readLoad,
} from '../../report/recommend/question.js';
import type { Reference } from '../../report/recommend/recommend.js';
import { EXIT } from '../exit.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION, type NodeOptions } from '../options/config.js';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { collect, positiveInteger } from '../options/values.js';

export const RECOMMEND_FORMATS = ['text', 'json'] as const;
const DEPLOYABLE = Object.values(PROFILES).filter(({ container }) => container !== null);
/**
 * What is printed to deploy a row: the command line of its server, whichever that is or by name, and what
 * holds one.
 */
export const TARGETS = ['command', ...DEPLOYABLE.map(({ name }) => name), 'kubernetes', 'helm'];

export interface RecommendOptions extends ConnectionOptions, NodeOptions {
  readonly slo: readonly Bound[];
  readonly budget: readonly Bound[];
  readonly floor: readonly Bound[];
  readonly relativeTo: Reference;
  readonly prices?: string;
  readonly objective?: Aim;
  readonly load?: ReadonlyMap<string, number>;
  readonly confidence: number;
  readonly predict?: true;
  readonly strict?: true;
  readonly format: (typeof RECOMMEND_FORMATS)[number];
  readonly json?: true;
  /** One of TARGETS. */
  readonly as?: string;
  readonly modelPath?: string;
  readonly image?: string;
  readonly port?: number;
  readonly models: readonly string[];
}

const bounds = (role: Role) => (text: string, before: readonly Bound[]) => [
  ...before,
  ...text.split(',').map((one) => boundOf(readBound(one, role))),
];

export function registerRecommend(program: Command): void {
  const command = program
    .command('recommend')
    .description(
      'recommend a configuration to deploy: the one with the highest throughput (or another objective) that keeps an SLO, budgets and a floor of quality, ' +
        'with how sure that is, the runner-up, and what excludes the others; as text, JSON, or a command or manifest that deploys it.\n' +
        `Exit code ${EXIT.gate}: nothing keeps all bounds.`,
    )
    .argument(
      '<source>',
      'folder of `ridge run`, a results.jsonl, a log.sqlite, or a sweep of a coordinator by id or name; with --predict a sweep file. What follows a # chooses rows: run#model=small',
    )
    .option(
      '--slo <bound>',
      'ttft:p95<200ms, tpot:p90<50ms (ttft, ttfa, tpot or e2e of requests), or a metric of docs/metrics.md, by name or heading: scheduledTimeToFirstTokenP90Seconds<0.2 (repeatable; default: the slo of the sweep)',
      bounds('slo'),
      [],
    )
    .option(
      '--budget <bound>',
      'memory<4GiB, energyPerOutputTokenJoules<1.5, cost<0.4 (of a million output tokens, by --prices) (repeatable)',
      bounds('budget'),
      [],
    )
    .option(
      '--floor <bound>',
      'quality: taskScoreRatio>0.6, or how far from the reference row: perplexity:+2%, taskScoreRatio:-0.02 (repeatable)',
      bounds('floor'),
      [],
    )
    .addOption(
      new Option(
        '--relative-to <row>',
        'reference row of relative floors: the one with the weights as published, or the best one',
      )
        .choices(['unquantized', 'best'])
        .default('unquantized'),
    )
    .option('--prices <file>', 'YAML: prices of rows, as `ridge answers` reads them')
    .option(
      '--objective <metric>',
      'what to make largest, or smallest with METRIC:min (default: tokens per second)',
      aimOf,
    )
    .option(
      '--load <option=number>',
      'load to serve, such as concurrency=6: figures are interpolated between the loads at which a configuration was measured',
      loadOf,
    )
    .option(
      '--confidence <share>',
      'a row is sure to keep its bounds from this probability on',
      shareOf,
      0.95,
    );
  addWays(command);
  addConnectionOptions(command).action(
    lazy(async () => (await import('./recommend.js')).printRecommendation),
  );
}

/** Where figures come from, and how the answer is given. */
function addWays(command: Command): void {
  command
    .option('--predict', 'use only predictions: the source is a sweep file that does not have to be run')
    .option('--strict', 'treat disturbed rows as invalid, as for publication')
    .addOption(
      new Option('-f, --format <format>', 'how to print').choices([...RECOMMEND_FORMATS]).default('text'),
    )
    .option('--json', 'the same as --format json')
    .addOption(
      new Option(
        '--as <target>',
        'print how to deploy it: the command line of its server, a Kubernetes manifest, or values of the Helm chart of vLLM (production-stack)',
      ).choices([...TARGETS]),
    )
    .option('--model-path <path>', 'with --as: path of the model on the machine that serves it')
    .option('--image <image>', 'with --as kubernetes or helm: the container image')
    .option('--port <number>', 'with --as: port that it listens on (default: 8000)', positiveInteger)
    .option(
      '--models <dir>',
      'with --predict: also allow `source:` paths in this folder (repeatable)',
      collect,
      [],
    )
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION);
}

/** @throws InvalidArgumentError */
function boundOf(reading: Reading<Bound>): Bound {
  if (!reading.ok) throw new InvalidArgumentError(reading.message);
  return reading.value;
}

/** @throws InvalidArgumentError */
function aimOf(text: string): Aim {
  const reading = readAim(text);
  if (!reading.ok) throw new InvalidArgumentError(reading.message);
  return reading.value;
}

/** @throws InvalidArgumentError */
function loadOf(text: string): ReadonlyMap<string, number> {
  const load = readLoad(text);
  if (typeof load === 'string') throw new InvalidArgumentError(load);
  return load;
}

/** @throws InvalidArgumentError */
function shareOf(text: string): number {
  const share = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(share > 0.5 && share < 1))
    throw new InvalidArgumentError('It must be between 0.5 and 1, such as 0.95.');
  return share;
}
