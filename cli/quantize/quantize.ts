import { availableParallelism } from 'node:os';
import { quantize, quantizeFourBit, quantizeGraph } from '../../artifacts/door/make.js';
import { asFile, OPENED_BY_COMMANDS, openModel } from '../../artifacts/door/open.js';
import { formatValue } from '../../core/metrics/format.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { onnx } from '../../formats/onnx/format.js';
import { settingsFor } from '../local-models.js';
import { printJson, say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { QuantizeOptions } from './command.js';
import {
  fourBitRequest,
  type GraphRequest,
  graphRequest,
  ofGraph,
  quantizationRequest,
  settingOf,
} from './request.js';
import { report } from './summary.js';

/** `ridge quantize`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function quantizeModel(input: string, output: string, options: QuantizeOptions): Promise<void> {
  const graph = graphRequest(options);
  const fourBit = fourBitRequest(options);
  // Wrong words are told before a model is opened.
  if (graph === null && fourBit === null) quantizationRequest(options);
  const json = options.json === true;
  const path = outputPath(output, options.force === true);
  const threads = options.threads ?? availableParallelism();
  const text = options.importance ?? fourBit?.spec.gptq?.calibration.text ?? '.';
  const settings = settingsFor(options, input, text);
  await runCommand(async () => {
    if (graph !== null) return await quantizeGraphOf(input, path, graph, settings, json);
    const runs = [...OPENED_BY_COMMANDS, onnx.name];
    const base = await openModel(input, settings, runs);
    // `f16` is a form of both.
    if (base.facts.format === onnx.name)
      return await quantizeGraphOf(input, path, ofGraph(settingOf(options)), settings, json);
    const file = await asFile(base, settings);
    if (fourBit !== null) {
      const made = await quantizeFourBit(file, { ...fourBit, path, threads }, settings);
      report(readGgufHeader(file.path), { path, made, setting: fourBit.setting, threads }, json);
      return;
    }
    const { spec, setting } = quantizationRequest(options);
    const asked = { path, setting, spec, threads };
    const made = await quantize(file, asked, options.imatrix ?? null, settings);
    report(readGgufHeader(file.path), { path, made, setting, threads }, json);
  });
}

/** Quantizes an ONNX graph, or the graph of a model of another format, into a folder. */
async function quantizeGraphOf(
  input: string,
  path: string,
  graph: GraphRequest,
  settings: ReturnType<typeof settingsFor>,
  json: boolean,
): Promise<void> {
  const made = await quantizeGraph(input, path, graph, settings);
  const { seconds, warnings, facts, report, bytes, baseBytes } = made;
  for (const warning of warnings) say(`note: ${warning}`);
  if (json) {
    const sizes = { bytes, baseBytes };
    printJson({
      output: path,
      quantization: graph.setting,
      ...sizes,
      ...facts,
      tensors: report,
      warnings,
      seconds,
    });
    return;
  }
  say(
    `${path}: ${formatValue(bytes, 'B')} of ${formatValue(baseBytes, 'B')}, ${facts.roundedTensors} matrices off by ${(100 * Number(facts.relativeError)).toFixed(2)} % (RMS), made in ${seconds.toFixed(1)} s`,
  );
}
