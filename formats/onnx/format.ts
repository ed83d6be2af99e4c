import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isNamedAs } from '../../core/models/formats.js';
import { architectureFromConfig } from '../../roofline/readers/config.js';
import { architectureFromOnnx } from '../../roofline/readers/onnx.js';
import { readOnnxGraph } from '../../roofline/readers/onnx-graph.js';
import { type ArchitectureReading, isSize } from '../../roofline/readers/reading.js';
import { CONFIG, fieldsOf, readJson, textIn } from '../config-json.js';
import { type Format, FormatError, type Inspected, type ModelDetails } from '../format.js';
import { shapeFacts } from '../shape-facts.js';
import { tokenizerFiles, tokenizerOf } from '../tokenizers/files.js';

export const onnx: Format = {
  name: 'onnx',
  title: 'ONNX (.onnx)',
  unit: 'file',
  magic: null,
  claims: (path) => isNamedAs('onnx', path),
  files: (path) => [path, ...[configBeside(path)].filter(existsSync), ...tokenizerFiles(dirname(path))],
  inspect,
  details,
  shapes,
  peek: null,
  parts: null,
};

const configBeside = (path: string) => join(dirname(path), CONFIG);

/** The graph holds the weights and may have gigabytes, so facts are of the config beside it, and without one there are none. */
function inspect(path: string): Inspected {
  const beside = configBeside(path);
  const config = existsSync(beside) ? readJson(beside) : null;
  return {
    facts: {
      format: 'onnx',
      architecture: textIn(fieldsOf(config), 'model_type'),
      bytes: statSync(path).size,
      quantization: null,
      ...shapeFacts(architectureFromConfig(config)),
    },
    weightBytes: null,
    randomWeights: false,
  };
}

function details(path: string): ModelDetails {
  const { constants } = readOnnxGraph(readFileSync(path));
  return {
    tensors: [...constants.values()].map(({ name, shape, bits }) => ({
      name,
      type: bits === null ? 'unknown' : `${bits} bits`,
      shape,
      bytes: ((bits ?? 0) * shape.reduce((a, b) => a * b, 1)) / 8,
    })),
    license: null,
    ...tokenizerOf(dirname(path)),
  };
}

/** A graph does not say how many heads it has, nor how long a context may be: the config beside it does. */
function shapes(path: string): ArchitectureReading {
  const beside = configBeside(path);
  if (!existsSync(beside))
    throw new FormatError('an ONNX graph does not say how many heads it has', `Put its ${CONFIG} beside it.`);
  const config = fieldsOf(readJson(beside));
  const [heads, contextLength] = [config.num_attention_heads, config.max_position_embeddings];
  if (!isSize(heads) || !isSize(contextLength))
    throw new FormatError(
      `the ${CONFIG} beside it does not say num_attention_heads and max_position_embeddings`,
      'Give the config that the model was exported from.',
    );
  return architectureFromOnnx(readFileSync(path), { heads, contextLength });
}
