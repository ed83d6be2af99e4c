import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CONFIG } from '../../../formats/config-json.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { GENAI_CONFIG, GRAPH_FILE, type OnnxModel } from '../../../formats/onnx/model.js';
import { writeOnnx } from '../../../formats/onnx/writer.js';
import { writeWhole } from '../../../formats/whole-file.js';
import { toHalf } from '../../onnx/half.js';
import { Report } from '../../onnx/report.js';
import type { Converter } from '../converter.js';
import { config, genaiConfig, writeTokenizer } from './beside.js';
import { decoder } from './decoder.js';
import { describe, refusal } from './described.js';

/** Writes a folder: the graph, its weights, and what runtimes ask for beside them. */
export const ggufToOnnx: Converter = {
  async convert({ inputPath, outputPath, type, dequantize }, onProgress) {
    const name = basename(inputPath);
    if (type === 'bf16') throw refusal(`${name} was asked for in bf16`);
    if (dequantize) throw refusal(`${name} was asked for in floats whatever it holds`);
    const file = readGgufHeader(inputPath);
    const model = await describe(file, name);
    const floats = decoder(model);
    const graph = type === 'f16' ? toHalf(floats, new Report()) : floats;
    await mkdir(outputPath, { recursive: true });
    const write = (name: string, content: unknown) =>
      writeWhole(join(outputPath, name), `${JSON.stringify(content, null, 2)}\n`);
    await writeOnnx(join(outputPath, GRAPH_FILE), watched(graph, onProgress));
    await write(CONFIG, config(model, file));
    await write(GENAI_CONFIG, genaiConfig(model, file));
    const warnings = await writeTokenizer(inputPath, outputPath);
    return { warnings, facts: { tensors: file.tensors.length, type: type ?? 'f32' } };
  },
};

/** Tells of each constant whose turn comes. */
function watched(model: OnnxModel, onProgress: (done: number, of: number) => void): OnnxModel {
  const { constants } = model.graph;
  const told = constants.map((tensor, i) => {
    const { data } = tensor;
    const watchedData = () => {
      onProgress(i + 1, constants.length);
      return data!();
    };
    return data === null ? tensor : { ...tensor, data: watchedData };
  });
  return { ...model, graph: { ...model.graph, constants: told } };
}
