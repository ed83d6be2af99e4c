import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { readGgufHeader } from '../../agent/artifacts/gguf/header.js';
import { type Launcher, type Made, makeFile } from '../../agent/artifacts/making.js';
import type { ModelSettings, ResolvedModel } from '../../agent/artifacts/resolve.js';
import { ArtifactStore } from '../../agent/artifacts/store.js';
import { importanceFor } from '../../agent/calibration/importance.js';
import { readAffinity } from '../../agent/isolation/affinity.js';
import { launch } from '../../agent/isolation/launch.js';
import type { QuantizeOrder } from '../../agent/isolation/messages.js';
import { findEngine } from '../../agent/native/packages.js';
import { toFailure } from '../../core/errors.js';
import { formatValue } from '../../core/metrics/format.js';
import type { QuantizeOptions } from '../commands/quantize.js';
import { CommandError, EXIT, fromFailure, usageError } from '../exit.js';
import { modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { say } from '../output/print.js';
import { stepProgress } from './step-progress.js';
import { report } from './summary.js';
import { type Wanted, wantedOf } from './wanted.js';

const RUNNER = 'llama-cpp';

/** `ridge quantize`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function quantizeModel(input: string, output: string, options: QuantizeOptions): Promise<void> {
  const wanted = wantedOf(options);
  const path = outputPath(output, options.force === true);
  const threads = options.threads ?? availableParallelism();
  const settings = modelSettings(
    [resolve('.'), ...[input, options.importance ?? '.'].map((path) => dirname(resolve(path)))],
    nodeConfig(options.config),
  );
  try {
    const base = await openModel(input, settings);
    const inputPath = await fileOf(base, settings.cacheFolder);
    if (sameFile(path, inputPath)) throw usageError('the output is the input', 'Name another file.');
    const imatrix = await matrixOf(options, wanted, inputPath, base.digest, threads, settings);
    const order = orderOf(inputPath, wanted, imatrix, threads);
    const made = await make(path, order, base.facts.bytes);
    report(readGgufHeader(inputPath), { path, made, word: wanted.word, threads }, options.json === true);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = toFailure(error);
    const words = reason.code === 'model-missing' || reason.code === 'source-not-allowed';
    throw fromFailure(
      reason,
      reason.code === 'cancelled' ? EXIT.interrupted : words ? EXIT.usage : EXIT.failed,
    );
  }
}

function outputPath(output: string, force: boolean): string {
  const path = resolve(output);
  const folder = dirname(path);
  if (!existsSync(folder))
    throw usageError(`there is no folder ${folder}`, 'Make it, or name another place.');
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) throw usageError(`${output} is a folder`, 'Name a file in it.');
  if (there !== undefined && !force)
    throw usageError(`${output} is there already`, 'Use --force to replace it.');
  return path;
}

function sameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

/** The model's file; a synthetic model is written into the cache first. */
async function fileOf(base: ResolvedModel, cacheFolder: string): Promise<string> {
  if (base.path !== null) return base.path;
  say(`writing the synthetic model, ${formatValue(base.facts.bytes, 'B')}`);
  const store = new ArtifactStore({ cacheFolder, artifactBytes: Number.POSITIVE_INFINITY });
  const request = { base, steps: [], cpus: [] };
  const { path } = await store.prepare({ ...request, timeLimitSeconds: 86_400 }, stoppable);
  return path;
}

/** The importance matrix that is asked for, made of its text unless it is there; null = none. */
async function matrixOf(
  options: QuantizeOptions,
  { spec }: Wanted,
  inputPath: string,
  inputDigest: string,
  threads: number,
  settings: ModelSettings,
): Promise<QuantizeOrder['imatrix']> {
  if (options.imatrix !== undefined) return { path: options.imatrix, name: options.imatrix };
  if (spec.importance === null) return null;
  const importance = await importanceFor(spec.importance, `llama.cpp ${findEngine().release}`, settings);
  say(`collecting the importance matrix of ${spec.importance.text}`);
  const cpus = (readAffinity('self') ?? []).slice(0, threads);
  const bench = { cpus, timeLimitSeconds: 86_400, launcher: stoppable };
  return { path: await importance.prepare(inputPath, inputDigest, bench), name: importance.name };
}

function orderOf(
  inputPath: string,
  { spec }: Wanted,
  imatrix: QuantizeOrder['imatrix'],
  threads: number,
): QuantizeOrder {
  const outputPath = '';
  return {
    order: 'quantize',
    runnerKind: RUNNER,
    inputPath,
    outputPath,
    quantization: spec,
    imatrix,
    threads,
  };
}

async function make(path: string, order: QuantizeOrder, bytes: number): Promise<Made> {
  const { type } = order.quantization;
  const progress = stepProgress(process.stderr, `${basename(order.inputPath)} to ${type}`);
  try {
    return await makeFile(
      {
        path,
        bytes,
        order: (outputPath) => ({ ...order, outputPath }),
        what: type,
        cpus: [],
        timeLimitSeconds: null,
        onMessage: (message) => {
          if (message.type === 'progress') progress.step(message.done, message.of);
        },
      },
      stoppable,
    );
  } finally {
    progress.end();
  }
}

/** Native code hears no signal while it computes: Ctrl-C ends the child, and with it the command. */
const stoppable: Launcher = (request) => {
  const child = launch(request);
  const stop = () => child.kill('interrupted');
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const ended = child.ended.finally(() => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  });
  return { ended };
};
