import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isNamedAs } from '../../core/models/formats.js';
import { architectureFromConfig } from '../../roofline/readers/config.js';
import { architectureFromOnnx } from '../../roofline/readers/onnx.js';
import { type ArchitectureReading, isSize } from '../../roofline/readers/reading.js';
import { CONFIG, fieldsOf, readJson, textIn } from '../config-json.js';
import { type Format, FormatError, type Inspected, type ModelDetails } from '../format.js';
import { shapeFacts } from '../shape-facts.js';
import { tokenizerFiles, tokenizerOf } from '../tokenizers/files.js';
import { GENAI_CONFIG, GRAPH_FILE, KEPT_LOGITS, type OnnxGraph, VOCABULARY_FILE } from './model.js';
import { productsOf, tablesOf, weightTypeOf } from './products.js';
import { readOnnx } from './reader.js';
import { dataType } from './types.js';

export const onnx: Format = {
  name: 'onnx',
  title: 'ONNX (.onnx)',
  unit: 'file',
  magic: null,
  claims: (path) => isNamedAs('onnx', path) || existsSync(join(path, GRAPH_FILE)),
  files,
  companionFiles: (path) => besideGraph(graphOf(path)),
  inspect,
  details,
  shapes,
  peek: null,
  parts: null,
};

/**
 * @returns the graph of a model: the file itself, or that of a folder which holds one with what belongs to
 *   it.
 */
export function graphOf(path: string): string {
  return statSync(path).isDirectory() ? join(path, GRAPH_FILE) : path;
}

const configBeside = (graph: string) => join(dirname(graph), CONFIG);

function files(path: string): string[] {
  const graph = graphOf(path);
  return [graph, ...readOnnx(graph).besides, ...besideGraph(graph)];
}

/** Configs and vocabularies; which files hold weights only the graph says. */
function besideGraph(graph: string): string[] {
  const folder = dirname(graph);
  const known = [CONFIG, GENAI_CONFIG, VOCABULARY_FILE].map((name) => join(folder, name));
  return [...known.filter((file) => existsSync(file)), ...tokenizerFiles(folder)];
}

/** Facts of shapes are of the config beside it, and without one there are none. */
function inspect(path: string): Inspected {
  const file = graphOf(path);
  const beside = configBeside(file);
  const config = existsSync(beside) ? readJson(beside) : null;
  const { graph, fileBytes } = readOnnx(file);
  return {
    facts: {
      format: 'onnx',
      architecture: textIn(fieldsOf(config), 'model_type'),
      bytes: fileBytes,
      quantization: weightTypeOf(graph),
      ...shapeFacts(architectureFromConfig(config)),
    },
    weightBytes: graph.constants.reduce((sum, { bytes }) => sum + bytes, 0),
    randomWeights: false,
  };
}

function details(path: string): ModelDetails {
  const file = graphOf(path);
  return {
    tensors: readOnnx(file).graph.constants.map(({ name, type, shape, bytes }) => ({
      name,
      type: dataType(type)?.name ?? 'unknown',
      shape,
      bytes,
    })),
    license: null,
    ...tokenizerOf(dirname(file)),
  };
}

/** A graph does not say how many heads it has, nor how long a context may be: the config beside it does. */
function shapes(path: string): ArchitectureReading {
  const file = graphOf(path);
  const beside = configBeside(file);
  if (!existsSync(beside)) {
    const reason = 'an ONNX graph does not say how many heads it has';
    return { ok: false, reason, hint: `Put its ${CONFIG} beside it.` };
  }
  const config = fieldsOf(readJson(beside));
  const [heads, contextLength] = [config.num_attention_heads, config.max_position_embeddings];
  if (!isSize(heads) || !isSize(contextLength))
    throw new FormatError(
      `the ${CONFIG} beside it does not say num_attention_heads and max_position_embeddings`,
      'Give the config that the model was exported from.',
    );
  const { graph } = readOnnx(file);
  const matrices = productsOf(graph).map(({ weight: { name }, ...product }) => ({ ...product, name }));
  const tables = tablesOf(graph).map(({ weight: { name }, ...table }) => ({ ...table, name }));
  return architectureFromOnnx({ matrices, tables }, { heads, contextLength, graphLogits: logitsOf(graph) });
}

/**
 * Some graphs make one row whatever they are asked, and some as many as their caller wants to keep: ours
 * keeps the last.
 */
function logitsOf({ inputs, outputs }: OnnxGraph): 'all' | 'last' {
  const kept = inputs.some(({ name }) => KEPT_LOGITS.some((known) => known === name));
  const shape = outputs.find(({ name }) => name === 'logits')?.shape ?? null;
  const single = shape !== null && (shape.length < 3 || shape[1] === 1);
  return kept || single ? 'last' : 'all';
}
