import { existsSync } from 'node:fs';
import { QUANTIZATIONS } from '../../core/techniques/file-types.js';
import { type FourBitSpec, fourBitWord, readFourBit } from '../../core/techniques/four-bit/spec.js';
import {
  GRAPH_TYPES,
  type GraphQuantization,
  graphWord,
  readGraphQuantization,
} from '../../core/techniques/graph-quantization.js';
import { type QuantizationSpec, quantization, readQuantization } from '../../core/techniques/quantization.js';
import { headOf, joinWord } from '../../core/techniques/spelling.js';
import { usageError } from '../exit.js';
import type { QuantizeOptions } from './command.js';

/** What the options ask for: the same word that a sweep would have. */
interface QuantizationRequest {
  readonly setting: string;
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
  const spelling = settingOf(options);
  const head = headOf(spelling);
  const reading = readQuantization(spelling, options.imatrix !== undefined);
  if (reading.ok && reading.value !== null) {
    // With a matrix from elsewhere it may be no word of a sweep.
    const canonical = quantization.read(spelling);
    return { setting: canonical.ok ? canonical.value : spelling, spec: reading.value };
  }
  const [message, near] = reading.ok
    ? ['base is the file as it is', null]
    : [reading.message, reading.suggestion];
  const known = quantization.examples.includes(head) ? '' : `It has ${QUANTIZATIONS.join(', ')}.`;
  throw usageError(message, [near === null ? '' : `Did you mean ${near}?`, known].join(' ').trim());
}

/** What is asked of an ONNX graph. */
export interface GraphRequest {
  readonly setting: string;
  readonly spec: GraphQuantization;
}

/**
 * @returns null where the type is none that graphs alone have.
 * @throws CommandError (2) for settings that it does not have.
 */
export function graphRequest(options: QuantizeOptions): GraphRequest | null {
  const spelling = settingOf(options);
  return GRAPH_TYPES.every((type) => type !== headOf(spelling)) ? null : ofGraph(spelling);
}

/**
 * @returns what a word asks of an ONNX graph. @throws CommandError (2) for one that graphs have no form for.
 */
export function ofGraph(spelling: string): GraphRequest {
  const reading = readGraphQuantization(spelling);
  if (reading === null) {
    const message = `${headOf(spelling)} is a type of llama.cpp, and this is an ONNX graph`;
    throw usageError(message, `Choose ${GRAPH_TYPES.join(', ')} or f16, or name the GGUF file of the model.`);
  }
  if (!reading.ok) throw usageError(reading.message);
  return { setting: graphWord(reading.value), spec: reading.value };
}

/** What is asked of linear layers in four bits. */
export interface FourBitRequest {
  readonly setting: string;
  readonly spec: FourBitSpec;
}

/**
 * @returns null where the type is none of mxfp4, nvfp4 and if4.
 * @throws CommandError (2) for settings that it does not have, and for an importance matrix.
 */
export function fourBitRequest(options: QuantizeOptions): FourBitRequest | null {
  const spelling = settingOf(options);
  const reading = readFourBit(spelling);
  if (reading === null) return null;
  if (options.imatrix !== undefined)
    throw usageError(`${headOf(spelling)} takes no importance matrix`, 'method=gptq calibrates instead.');
  const word = fourBitWord(spelling);
  if (!reading.ok) throw usageError(reading.message);
  if (!word.ok) throw usageError(word.message);
  return { setting: word.value, spec: reading.value };
}

/** The word that a sweep would have for the options; it is read next. */
export function settingOf(options: QuantizeOptions): string {
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
  const { type } = options;
  const [head, ...rest] = [headOf(type).toLowerCase(), type.slice(headOf(type).length + 1)];
  const query = joinWord('', settings).slice(1);
  const asked = [...rest, query].filter((part) => part !== '').join('&');
  return asked === '' ? head : `${head}?${asked}`;
}
