import { basename } from 'node:path';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { bytesOf } from '../../artifacts/files/tree.js';
import { QUANTIZE_GRAPH } from '../../artifacts/onnx/job.js';
import { formatValue } from '../../core/metrics/format.js';
import { taskOf } from '../../process/isolation/job.js';
import { inspectModel } from '../local-models.js';
import { printJson, say } from '../output/print.js';
import { fileOf } from '../single/file-of.js';
import { makeAlone } from '../single/make.js';
import type { GraphRequest } from './request.js';

/** Quantizes an ONNX graph, or the graph of a model of another format, into a folder. */
export async function quantizeGraphOf(
  input: string,
  path: string,
  { setting: spelling, spec }: GraphRequest,
  settings: ModelSettings,
  json: boolean,
): Promise<void> {
  const base = await inspectModel(input, settings);
  const inputPath = await fileOf(base, settings.cacheFolder, ['onnx']);
  const before = bytesOf(inputPath);
  const made = await makeAlone({
    path,
    inputPath,
    bytes: before,
    what: spelling,
    line: `${basename(input)} to ${spelling}`,
    task: (outputPath) => taskOf(QUANTIZE_GRAPH, { inputPath, outputPath, quantization: spec }),
  });
  const { seconds, warnings, facts, report } = made;
  const bytes = bytesOf(path);
  for (const warning of warnings) say(`note: ${warning}`);
  if (json) {
    printJson({
      output: path,
      quantization: spelling,
      bytes,
      baseBytes: before,
      ...facts,
      tensors: report,
      warnings,
      seconds,
    });
    return;
  }
  say(
    `${path}: ${formatValue(bytes, 'B')} of ${formatValue(before, 'B')}, ${facts.roundedTensors} matrices off by ${(100 * Number(facts.relativeError)).toFixed(2)} % (RMS), made in ${seconds.toFixed(1)} s`,
  );
}
