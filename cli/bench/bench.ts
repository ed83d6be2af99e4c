import { writeFileSync } from 'node:fs';

import type { ResultRecord } from '../../core/result/result.js';
import { labelsIn } from '../../core/sweep/labels.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { metricText } from '../../report/scale.js';
import { tryFile } from '../exit.js';
import { say } from '../output/print.js';
import { namelessSweep, strictly } from '../sweep-file.js';
import type { BenchOptions } from './command.js';
import { benchSpec } from './document.js';
import { BENCH_OPTIONS, flagsOf } from './flags.js';

/**
 * `ridge bench`: makes a sweep of llama-bench's flags and runs it as `ridge run` does, or writes it with --save.
 * @returns the exit code of the run; 0 when the file is written.
 * @throws CommandError (exit code 2) when a flag has a value that a sweep cannot have, or the file is there already.
 */
export async function bench(options: BenchOptions): Promise<number> {
  const { model, device, pg, repetitions, warmup } = options;
  const axes = layersHere(options);
  const sweep = namelessSweep(
    'bench',
    `ridge bench -m ${model.join(',')}`,
    benchSpec({ models: model, axes, pairs: pg, devices: device, repetitions, warmup }),
    'ridge bench --help says what each flag takes; nothing was started.',
    withFlag,
  );
  if (options.save === undefined) {
    // Coordinator and agent are opened only where something runs.
    const { runSweep } = await import('../run/run.js');
    const run = { ...options, format: options.output, roofs: false };
    return await runSweep(sweep, run, rowTeller(sweep.sweep));
  }
  save(options.save, (options.strict === true ? strictly(sweep) : sweep).document);
  say(`${options.save} written; ridge run ${options.save} runs it`);
  return 0;
}

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

const SPEEDS = [
  ['prefillTokensPerSecond', 'prefill'],
  ['decodeTokensPerSecond', 'decode'],
] as const;

/** @returns what a sweep says of a value, after the flag that was typed. */
function withFlag(message: string): string {
  const option = BENCH_OPTIONS.find(({ name }) => message.startsWith(`${name} `));
  return option === undefined ? message : `${flagsOf(option)}: ${message}`;
}

function save(path: string, document: string): void {
  tryFile(
    `${path} cannot be written`,
    () => writeFileSync(path, document, { flag: 'wx' }),
    'Name another file with --save.',
  );
}
