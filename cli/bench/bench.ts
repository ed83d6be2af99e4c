import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import type { ResultRecord } from '../../core/result/result.js';
import { labelsIn } from '../../core/sweep/labels.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { metricText } from '../../report/scale.js';
import { tryFile, usageError } from '../exit.js';
import { say } from '../output/print.js';
import { DEFAULT_OUT } from '../report/run-folder.js';
import { namelessSweep, type SweepFile, strictSweep } from '../sweep-file.js';
import { attachTo } from './attach.js';
import { type BenchOptions, LOADS, REPEATS } from './command.js';
import { benchSpec, loadSpec, refuseTwoLoads } from './document.js';
import { BENCH_OPTIONS, ENGINE_OPTIONS, flagsTyped, LOAD_OPTIONS, withFlag } from './flags.js';

/**
 * `ridge bench`: makes a sweep of llama-bench's flags, or of those of a load on a running server, and runs it
 * as `ridge run` does, or writes it with --save.
 * @returns the exit code of the run; 0 when the file is written.
 * @throws CommandError (exit code 2) when a flag has a value that a sweep cannot have, or the file is there
 *   already; as `attachTo`.
 */
export async function bench(options: BenchOptions): Promise<number> {
  const { sweep, run } =
    options.url === undefined ? benchSweep(options) : await loadSweep(options, options.url);
  if (options.save === undefined) {
    // Coordinator and agent are opened only where something runs.
    const { runSweep } = await import('../run/run.js');
    const asked = { ...options, format: options.output, roofs: false, ...run };
    return await runSweep(sweep, asked, rowTeller(sweep.sweep));
  }
  save(options.save, (options.strict === true ? strictSweep(sweep) : sweep).document);
  const config =
    run.servers === undefined ? '' : ` --config FILE, which has ${JSON.stringify({ servers: run.servers })}`;
  say(`${options.save} written; ridge run ${options.save}${config} runs it`);
  return 0;
}

interface BenchSweep {
  readonly sweep: SweepFile;
  /** What its run is told beside the options. */
  readonly run: Partial<Pick<BenchOptions, 'servers' | 'out' | 'models'>>;
}

const HINT = 'ridge bench --help says what each flag takes; nothing was started.';

function benchSweep(options: BenchOptions): BenchSweep {
  const { model, device, pg, repetitions = REPEATS, warmup } = options;
  const [ofLoad] = typedLoad(options);
  if (ofLoad !== undefined)
    throw usageError(
      `${ofLoad} is of a load on a server that runs`,
      'Name the server with --url http://HOST:PORT.',
    );
  if (model.length === 0)
    throw usageError(
      'there is nothing to measure',
      'Name a model with -m, or a server that runs with --url http://HOST:PORT.',
    );
  const axes = layersHere(options);
  const spec = benchSpec({ models: model, axes, pairs: pg, devices: device, repetitions, warmup });
  const sweep = namelessSweep('bench', `ridge bench -m ${model.join(',')}`, spec, HINT, withFlag);
  return { sweep, run: {} };
}

async function loadSweep(options: BenchOptions, url: string): Promise<BenchSweep> {
  const { device, load, repetitions = LOADS, warmup } = options;
  refuseBeside(options);
  const { servers, runner, model, found } = await attachTo({ ...options, url });
  const spec = loadSpec({ runner, model, axes: load, devices: device, starts: repetitions, warmup });
  const sweep = namelessSweep('bench', `ridge bench --url ${url}`, spec, HINT, withFlag);
  say(found);
  // Somebody may have started it again in another way, so the rows of another time are not taken for its own.
  const time = new Date().toISOString().replace(/\D/g, '').slice(2, 14);
  const out = options.out ?? join(DEFAULT_OUT, `${sweep.sweep.name}-${time}`);
  // Whoever names a file here may read it.
  const files = [...(load.promptDataset ?? []), ...(load.trace ?? [])];
  return {
    sweep,
    run: { servers, out, models: [...options.models, ...files.map((file) => dirname(resolve(file)))] },
  };
}

/** @throws CommandError (2) for a flag that says how an engine is started, or asks it without a server. */
function refuseBeside({ axes, load, pg, reuse, url }: BenchOptions): void {
  const [engine] = flagsTyped(ENGINE_OPTIONS, axes);
  if (engine !== undefined)
    throw usageError(
      `${engine} says how an engine is started, and the server at ${url} runs already`,
      'Leave it out, or set it where the server is started.',
    );
  const [test] = [...flagsTyped(BENCH_OPTIONS, axes), ...(pg.length > 0 ? ['--pg'] : [])];
  if (test !== undefined)
    throw usageError(
      `${test} is of llama-bench’s test, and a server is asked by requests`,
      'Say how long they are with --input-tokens and --output-tokens, and how many are sent at once with --concurrency.',
    );
  refuseTwoLoads(load);
  if (reuse === true)
    throw usageError(
      '--reuse cannot know whether a server runs as it did before',
      'Leave it out; the load is measured again.',
    );
}

const typedLoad = ({ load, tokenizer, apiKeyFile }: BenchOptions) => [
  ...flagsTyped(LOAD_OPTIONS, load),
  ...(tokenizer === undefined ? [] : ['--tokenizer']),
  ...(apiKeyFile === undefined ? [] : ['--api-key-file']),
];

/** On a CPU llama-bench takes any number of layers, and places none. */
function layersHere({ axes, device }: BenchOptions): BenchOptions['axes'] {
  const { gpuLayers = [], rpcServers = [] } = axes;
  const onCpu = device.every((name) => name === 'cpu' || name.startsWith('cpu:'));
  if (!onCpu || rpcServers.length > 0 || gpuLayers.every((layers) => layers === '0' || layers === 'all'))
    return axes;
  say(`-ngl ${gpuLayers.join(',')} changes nothing on a CPU; --device cuda runs on a GPU`);
  return { ...axes, gpuLayers: [] };
}

/** @returns what says each row as it comes. */
function rowTeller(sweep: Sweep): (record: ResultRecord) => void {
  const labelOf = labelsIn(sweep);
  return ({ experiment, measurements, failure }) => {
    const speeds = SPEEDS.flatMap(([metric, label]) => {
      const value = measurements[metric]?.value ?? null;
      return value === null ? [] : [`${label} ${metricText(metric, value)}`];
    });
    say(`${labelOf(experiment)}: ${failure === null ? speeds.join(', ') : failure.message}`);
  };
}

/** Under the headings of the table, so that a row says there what it said when it came. */
const SPEEDS = [
  ['prefillTokensPerSecond', 'prefill'],
  ['decodeTokensPerSecond', 'decode'],
  ['systemTokensPerSecond', 'output'],
  ['timeToFirstTokenSeconds', 'TTFT'],
  ['interTokenLatencyP50Seconds', 'ITL p50'],
] as const;

function save(path: string, document: string): void {
  tryFile(
    `${path} cannot be written`,
    () => writeFileSync(path, document, { flag: 'wx' }),
    'Name another file with --save.',
  );
}
