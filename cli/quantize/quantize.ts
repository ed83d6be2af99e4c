import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { importanceFor } from '../../artifacts/calibration/importance.js';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { DEFAULT_RUNNER } from '../../core/runners/index.js';
import { findEngine } from '../../engines/native/packages.js';
import { QUANTIZE, type QuantizeRequest } from '../../engines/runners/jobs.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { onnx } from '../../formats/onnx/format.js';
import { readAffinity } from '../../process/device/affinity.js';
import { taskOf } from '../../process/isolation/job.js';
import { modelSettings, OPENED_BY_COMMANDS, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { say } from '../output/print.js';
import { fileOf } from '../single/file-of.js';
import { makeAlone } from '../single/make.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { stoppable } from '../single/stoppable.js';
import type { QuantizeOptions } from './command.js';
import { quantizeGraphOf } from './graph.js';
import {
  graphRequest,
  ofGraph,
  type QuantizationRequest,
  quantizationRequest,
  settingOf,
} from './request.js';
import { report } from './summary.js';

/** `ridge quantize`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function quantizeModel(input: string, output: string, options: QuantizeOptions): Promise<void> {
  const graph = graphRequest(options);
  // Wrong words are told before a model is opened.
  if (graph === null) quantizationRequest(options);
  const json = options.json === true;
  const path = outputPath(output, options.force === true);
  const threads = options.threads ?? availableParallelism();
  const settings = modelSettings(
    [resolve('.'), ...[input, options.importance ?? '.'].map((path) => dirname(resolve(path)))],
    nodeConfig(options),
  );
  await runCommand(async () => {
    if (graph !== null) return await quantizeGraphOf(input, path, graph, settings, json);
    const base = await openModel(input, settings, [...OPENED_BY_COMMANDS, onnx.name]);
    // `f16` is a form of both.
    if (base.facts.format === onnx.name)
      return await quantizeGraphOf(input, path, ofGraph(settingOf(options)), settings, json);
    const wanted = quantizationRequest(options);
    const inputPath = await fileOf(base, settings.cacheFolder);
    const imatrix = await matrixOf(options, wanted, inputPath, base.digest, threads, settings);
    const { type } = wanted.spec;
    const request = { runnerKind: DEFAULT_RUNNER, inputPath, quantization: wanted.spec, imatrix, threads };
    const made = await makeAlone({
      path,
      inputPath,
      bytes: base.facts.bytes,
      what: type,
      line: `${basename(inputPath)} to ${type}`,
      task: (outputPath) => taskOf(QUANTIZE, { ...request, outputPath }),
    });
    report(readGgufHeader(inputPath), { path, made, setting: wanted.setting, threads }, json);
  });
}

/** The importance matrix that is asked for, made of its text unless it is there; null = none. */
async function matrixOf(
  options: QuantizeOptions,
  { spec }: QuantizationRequest,
  inputPath: string,
  inputDigest: string,
  threads: number,
  settings: ModelSettings,
): Promise<QuantizeRequest['imatrix']> {
  if (options.imatrix !== undefined) return { path: options.imatrix, name: options.imatrix };
  if (spec.importance === null) return null;
  const importance = await importanceFor(spec.importance, `llama.cpp ${findEngine().release}`, settings);
  say(`collecting the importance matrix of ${spec.importance.text}`);
  const cpus = (readAffinity('self') ?? []).slice(0, threads);
  const bench = { cpus, timeLimitSeconds: 86_400, launcher: stoppable };
  return { path: await importance.prepare(inputPath, inputDigest, bench), name: importance.name };
}
