import { existsSync } from 'node:fs';
import { QUANTIZATIONS } from '../../core/techniques/file-types.js';
import { type QuantizationSpec, quantization, readQuantization } from '../../core/techniques/quantization.js';
import { headOf, joinWord } from '../../core/techniques/spelling.js';
import { usageError } from '../exit.js';
import type { QuantizeOptions } from './command.js';

/** What the options ask for: the same word that a sweep would have. */
export interface QuantizationRequest {
  readonly word: string;
  readonly spec: QuantizationSpec;
}

/** @throws CommandError (2) for what llama.cpp does not have, or cannot make from the file alone. */
export function quantizationRequest(options: QuantizeOptions): QuantizationRequest {
  if (options.imatrix !== undefined && options.importance !== undefined) {
    throw usageError('--imatrix and --importance both give an importance matrix', 'Give one of them.');
  }
  if (options.imatrix !== undefined && !existsSync(options.imatrix)) {
    throw usageError(`there is no file ${options.imatrix}`, 'Name an importance matrix with --imatrix.');
  }
  const type = options.type.toLowerCase();
  // llama-quantize writes attn_v=q8_0.
  const overrides = options.tensorType
    .map((pair) => pair.replace(/[:=]([^:=]*)$/, (_, named: string) => `:${named.toLowerCase()}`))
    .join(',');
  const settings = Object.entries({
    outputType: options.outputType?.toLowerCase(),
    embeddingType: options.embeddingType?.toLowerCase(),
    tensorTypes: overrides === '' ? undefined : overrides,
    pure: options.pure,
    importance: options.importance,
    importanceSequences: options.importanceSequences,
    importanceTokens: options.importanceTokens,
  }).filter(([, value]) => value !== undefined);
  const [head, ...rest] = [headOf(type), type.slice(headOf(type).length + 1)];
  const query = joinWord('', settings).slice(1);
  const asked = [...rest, query].filter((part) => part !== '').join('&');
  const word = asked === '' ? head : `${head}?${asked}`;
  const reading = readQuantization(word, options.imatrix !== undefined);
  if (reading.ok && reading.value !== null) {
    // With a matrix from elsewhere it may be no word of a sweep.
    const canonical = quantization.read(word);
    return { word: canonical.ok ? canonical.value : word, spec: reading.value };
  }
  const [message, near] = reading.ok
    ? ['base is the file as it is', null]
    : [reading.message, reading.suggestion];
  const known = quantization.words.includes(head) ? '' : `It has ${QUANTIZATIONS.join(', ')}.`;
  throw usageError(message, [near === null ? '' : `Did you mean ${near}?`, known].join(' ').trim());
}
