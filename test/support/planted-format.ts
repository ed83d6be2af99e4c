import { readFileSync } from 'node:fs';
import type { ModelFormat } from '../../core/models/formats.js';
import { type Format, FormatError } from '../../formats/format.js';

/** The one word that a list of formats would have for it. */
export const PLANTED = 'planted' as ModelFormat;

/** A format that no code of the product knows: its files are `PLNT` and the number of parameters. */
export const planted: Format = {
  name: PLANTED,
  title: 'planted (.plant)',
  unit: 'file',
  magic: 'PLNT',
  claims: (path) => path.endsWith('.plant'),
  files: (path) => [path],
  companionFiles: () => [],
  inspect(path) {
    const parameters = Number(readFileSync(path, 'utf8').slice(4));
    if (!(parameters > 0)) throw new FormatError('it has no parameters', 'Plant some.');
    return {
      facts: {
        format: PLANTED,
        architecture: 'fern',
        parameters,
        bytes: 2 * parameters,
        quantization: null,
        layers: null,
        contextLength: null,
        keyElementsPerToken: null,
        valueElementsPerToken: null,
        vocabularySize: null,
        embeddingLength: null,
        heads: null,
      },
      weightBytes: null,
      randomWeights: false,
    };
  },
  details: () => ({
    tensors: [{ name: 'leaf', type: 'green', shape: [3], bytes: 6 }],
    license: null,
    tokenizer: null,
    chatTemplate: null,
  }),
  shapes: () => ({ ok: false, reason: 'it has no layers', hint: 'Plant some.' }),
  peek: null,
  parts: null,
};
