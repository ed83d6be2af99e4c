import { writeFileSync } from 'node:fs';
import { hostOfRows, type ServedFacts } from '../../batching/own-row.js';
import { formatValue } from '../../core/metrics/format.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { KernelSetting } from '../../core/work/pass/setting.js';
import { splitAsked } from '../../core/work/served-work.js';
import { servedFormats } from '../../roofline/analysis/bits.js';
import { served } from '../../roofline/analysis/prediction.js';
import { calibrateHost } from '../../roofline/step/calibrate.js';
import { isKnown } from '../../roofline/step/calls-time.js';
import { compileStep } from '../../roofline/step/compile.js';
import { DEFAULT_ENGINE } from '../../roofline/step/engines.js';
import { parallelismOf } from '../../roofline/step/parallelism.js';
import type { Predictor } from '../../roofline/step/predict-stages.js';
import { calibrationPoints } from '../../roofline/step/run-points.js';
import { type HostTimes, NO_HOST } from '../../roofline/step/setting.js';
import { tryFile, usageError, workError } from '../exit.js';
import { modelFoldersFor } from '../local-models.js';
import { printData, printJson, say } from '../output/print.js';
import { readRun } from '../report/run-folder.js';
import { openArchitecture } from '../roofline/open-model.js';
import { openPredictor } from '../roofline/open-predictor.js';
import { thisNode } from '../this-node.js';
import type { FactorsOptions } from './command.js';

/**
 * `ridge factors --calibrate RUN`: what an engine's host takes a step, a new token and a request, from
 * rows of its server.
 * @throws CommandError (2) for words that do not go together, (1) for a run without such rows
 */
export async function calibrate(options: FactorsOptions, run: string): Promise<void> {
  const { model, hardware, engine = DEFAULT_ENGINE, bits, out } = options;
  if (model === undefined && hardware === undefined) {
    await calibrateHere(options, run);
    return;
  }
  if (model === undefined || hardware === undefined)
    throw usageError(
      '--calibrate of a server on GPUs needs --model and --hardware: rows say how full steps were, and not what served them',
      'Name them as `ridge roofline` does: --model llama-3.1-8b --hardware h100. A server on the CPU of this node needs neither.',
    );
  const formats = servedFormats(bits);
  const found =
    formats === null ? null : served(openArchitecture(model, modelFoldersFor([model], [])), formats);
  if (found === null)
    throw usageError(
      `no operators are measured in ${bits === 'native' ? `the bits that ${model} has` : bits}`,
      'Name a format: --bits bf16, fp8, fp8-block, nvfp4, mxfp4, int8 or int4.',
    );
  const predictor = openPredictor(hardware, engine);
  const { architecture, kernels } = found;
  const { records } = readRun(run);
  const points = records.flatMap((record) =>
    record.roofline === null || record.roofline === undefined || record.roofline.served === undefined
      ? []
      : calibrationPoints(record.roofline, stepOf(record, architecture, kernels, predictor)),
  );
  if (points.length === 0)
    throw workError(
      `no row of ${run} says how full the steps of a server were`,
      'Rows of `workload: serving` do, of servers whose model file the node has.',
    );
  const host = calibrateHost(points, predictor.engine.host);
  if (out !== undefined) {
    tryFile(
      `cannot write ${out}`,
      () => writeFileSync(out, `${JSON.stringify(host, null, 2)}\n`),
      'Name another file.',
    );
    say(`written: ${out}; \`ridge roofline --calibration ${out}\` takes it`);
  }
  if (options.json === true) printJson(host);
  else printData(hostText(host));
}

/**
 * Servers on this node's CPU: what is fitted is kept beside its factors, and every later prediction of such a
 * server takes it.
 * @throws CommandError (2) for words that belong to GPUs, (1) for a run without such rows.
 */
async function calibrateHere(options: FactorsOptions, run: string): Promise<void> {
  const { engine, out } = options;
  if (engine !== undefined || out !== undefined)
    throw usageError(
      `${engine === undefined ? '--out' : '--engine'} goes with --calibrate of a server on GPUs`,
      'Name --model and --hardware as well, or leave it out: what is fitted to rows of this node is kept beside its factors.',
    );
  const { records } = readRun(run);
  const rows = records.filter(({ given, serving }) => given !== undefined && serving !== undefined);
  const kinds = [...new Set(rows.map(({ experiment }) => experiment.runner.kind))];
  if (kinds.length === 0)
    throw workError(
      `no row of ${run} is of a server`,
      'Rows of `workload: serving` are, of servers on the CPU of this node.',
    );
  const { factors: store } = await thisNode(options.config);
  const found: Record<string, HostTimes> = {};
  for (const kind of kinds) {
    const own = rows.filter(({ experiment }) => experiment.runner.kind === kind);
    const host = hostOfRows(own as ServedFacts[]);
    if (typeof host === 'string')
      throw workError(`${kind}: ${host}`, 'Run a sweep of it here, with roofs and factors.');
    found[kind] = host;
    say(`kept in ${await store.putHost(own[0]!.device.id, kind, host)}`);
    if (options.json !== true) printData(`${kind}: ${hostText(host)}`);
  }
  if (options.json === true) printJson(found);
}

/** A row knows over how many devices its server spread the model. */
function stepOf(
  { experiment }: ResultRecord,
  architecture: ModelArchitecture,
  kernels: KernelSetting,
  { engine, times }: Predictor,
) {
  const step = compileStep(architecture, times, {
    parallelism: parallelismOf(architecture, splitAsked(experiment.runner.options)),
    kernels,
    graphs: engine.graphs,
    host: NO_HOST,
  });
  if (isKnown(step)) return step;
  throw workError(`this model cannot be timed: ${step.join('; ')}`);
}

function hostText({ source, spread, ...host }: HostTimes): string {
  const { kernelFactor, promptFactor, stepSeconds, tokenSeconds, requestSeconds } = host;
  return [
    `${source} (TTFT and TPOT of rows), with a belief about each number`,
    `kernels take ${(kernelFactor ?? 1).toFixed(2)} times what is predicted of them${promptFactor === undefined ? '' : `, and those that read prompts ${promptFactor.toFixed(2)} times`}`,
    `a step takes ${formatValue(stepSeconds, 's')} beside them, and ${formatValue(tokenSeconds, 's')} for each new token`,
    `a request takes ${formatValue(requestSeconds, 's')} beside its steps`,
    `left over: ${spread === null ? 'unknown' : `${(100 * Math.expm1(spread)).toFixed(0)} % (standard deviation of a time)`}`,
  ].join('\n');
}
