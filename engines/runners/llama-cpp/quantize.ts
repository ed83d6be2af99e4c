import { existsSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import type { AxisValue } from '../../../core/experiment/experiment.js';
import { FILE_TYPES, fileType } from '../../../core/techniques/file-types.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { loadLlama } from '../../native/llama.js';
import type { QuantizeRequest as AnyQuantizeRequest } from '../jobs.js';
import { readImportanceMatrix } from './imatrix.js';
import { modelFile } from './load.js';
import { checkMatrix, checkTensorTypes, notGiven } from './quantize-check.js';
import { QuantizeParams } from './quantize-params.js';

/** llama-quant.cpp, tensor_type_fallback, said in two or three pieces. */
const SAID =
  /^warning: \S+\s+- ncols\s+(\d+) not divisible by\s+(\d+) \(required for type\s+(\w+)\) .*-> falling back to\s+(\w+)$/s;

/**
 * Listens to the engine and counts the tensors whose rows are no whole blocks of the type they should get.
 */
export class Fallbacks {
  readonly #counts = new Map<string, number>();
  #open = '';

  /** @param text a piece of what the engine says, lines cut anywhere. */
  hear(text: string): void {
    if (text.startsWith('warning: ')) this.#open = '';
    else if (this.#open === '') return;
    this.#open += text;
    if (!text.endsWith('\n')) return;
    const said = SAID.exec(this.#open.trim());
    this.#open = '';
    if (said === null) return;
    const [, columns, block, from = '', to = ''] = said;
    const what = `${from.toLowerCase()} became ${to.toLowerCase()} where rows of ${columns} weights are no blocks of ${block}`;
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /**
   * `q4_k became q5_0 where rows of 128 weights are no blocks of 256: 24 tensors`, the most frequent first.
   */
  sentences(): readonly string[] {
    const ordered = [...this.#counts].sort((a, b) => b[1] - a[1]);
    return ordered.map(([what, count]) => `${what}: ${count} tensor${count === 1 ? '' : 's'}`);
  }
}

export type QuantizeRequest = Omit<AnyQuantizeRequest, 'runnerKind'>;

export interface Quantized {
  readonly bytes: number;
  readonly warnings: readonly string[];
  /** `fallbacks`: which types became which, and why; null = none. */
  readonly facts: Readonly<Record<string, AxisValue>>;
}

/**
 * Writes a quantized copy of a GGUF file, synchronously (this process does nothing else): byte by byte what
 * llama-quantize of the same release writes.
 * @param onProgress called as each tensor begins.
 * @returns the size of the new file, and a sentence where tensors got another type than the one asked for
 * (K-quants need rows of a multiple of 256).
 * @throws FailureError `disk-full`; `impossible-combination` for types that the model's tensors cannot have;
 * `artifact-failed` with the engine's words. No file is left behind then.
 */
export async function quantizeFile(
  request: QuantizeRequest,
  onProgress?: (done: number, of: number) => void,
): Promise<Quantized> {
  const { inputPath, outputPath, quantization, imatrix, threads } = request;
  const { type } = quantization;
  const ftype = fileType(type)?.number ?? null;
  const known = `Use one of ${FILE_TYPES.map(({ name }) => name).join(', ')}.`;
  if (ftype === null) throw failed('artifact-failed', `llama.cpp knows no quantization "${type}".`, known);
  const before = readGgufHeader(modelFile(inputPath)).tensors;
  checkTensorTypes(quantization, before);
  const named = imatrix && { matrix: await readImportanceMatrix(imatrix.path), name: imatrix.name };
  const uncovered = named === null ? [] : checkMatrix(named.name, named.matrix, before);
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const params = new QuantizeParams(llama, quantization, ftype, threads, named);
  llama.log.clear();
  const fallbacks = new Fallbacks();
  llama.log.listener = (text) => {
    // llama-quant.cpp: "[   3/  38] blk.0.attn_k.weight - [256, 128, 1, 1], type = f16, …"
    const step = /^\[\s*(\d+)\/\s*(\d+)\]/.exec(text);
    if (step !== null) onProgress?.(Number(step[1]), Number(step[2]));
    fallbacks.hear(text);
  };
  const reference = llama.reference('llama_model_quantize_params', params.value);
  const code = llama.functions.llama_model_quantize(inputPath, outputPath, reference);
  llama.log.listener = null;
  params.free();
  if (code !== 0 || !existsSync(outputPath)) {
    // The engine says `iostream error` of a full disk; the draft still fills it now.
    const full = freeBytes(dirname(outputPath)) < FULL_BYTES;
    rmSync(outputPath, { force: true });
    if (full) throw diskFull(dirname(outputPath), type);
    throw engineFailure(type, basename(inputPath), llama.log.errors() ?? `code ${code}`);
  }
  const fallback = llama.log.find(/(\d+ of \d+ tensor\(s\)) required fallback/);
  const warnings = [
    ...(fallback === null ? [] : [`${fallback} do not allow ${type} and got a larger type`]),
    ...uncovered,
    ...notGiven(quantization, before, readGgufHeader(outputPath).tensors),
  ];
  const facts = { fallbacks: fallbacks.sentences().join('; ') || null };
  return { bytes: statSync(outputPath).size, warnings, facts };
}

/** Less than this left after a failed write is why it failed: the engine writes a tensor at a time. */
const FULL_BYTES = 2 ** 20;

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function engineFailure(type: string, file: string, said: string): FailureError {
  const matrix =
    'Give an importance matrix that covers these tensors (importance=TEXT, or --imatrix), or take a type of 3 bits or more per weight.';
  const floats = /requantiz/.test(said) ? 'Start from an f16, bf16 or f32 file.' : null;
  const hint = /importance matrix/i.test(said) ? matrix : floats;
  return failed('artifact-failed', `llama.cpp cannot make ${type} of ${file}: ${said}.`, hint);
}

function diskFull(folder: string, quantization: string): FailureError {
  const hint = 'Free some space, or point cacheFolder in the agent’s config to a larger disk.';
  return failed('disk-full', `the disk of ${folder} filled up while ${quantization} was being made`, hint);
}
