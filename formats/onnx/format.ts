import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { architectureFromOnnx } from '../../roofline/readers/onnx.js';
import { type ArchitectureReading, isSize } from '../../roofline/readers/reading.js';
import { CONFIG, readJson } from '../config-json.js';
import { type Format, FormatError } from '../format.js';

export const onnx: Format = {
  name: 'onnx',
  title: 'ONNX (.onnx)',
  magic: null,
  claims: (path) => path.endsWith('.onnx'),
  inspect: () => {
    throw new FormatError(
      'it is an ONNX graph, and no runner opens one',
      'Give the GGUF file of the model; `ridge roofline` reads the graph as it is.',
    );
  },
  shapes,
};

/** A graph does not say how many heads it has, nor how long a context may be: the config beside it does. */
function shapes(path: string): ArchitectureReading {
  const beside = join(dirname(path), CONFIG);
  if (!existsSync(beside))
    throw new FormatError('an ONNX graph does not say how many heads it has', `Put its ${CONFIG} beside it.`);
  const config = readJson(beside) as Readonly<Record<string, unknown>> | null;
  const [heads, contextLength] = [config?.num_attention_heads, config?.max_position_embeddings];
  if (!isSize(heads) || !isSize(contextLength))
    throw new FormatError(
      `the ${CONFIG} beside it does not say num_attention_heads and max_position_embeddings`,
      'Give the config that the model was exported from.',
    );
  return architectureFromOnnx(readFileSync(path), { heads, contextLength });
}
