import { existsSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Failure, FailureError, failure } from '../../../core/errors.js';
import { CONSTANTS, loadLlama } from '../../native/llama.js';

/** llama.cpp's names in lower case → file type, from the headers: `q4_k_m` → LLAMA_FTYPE_MOSTLY_Q4_K_M. */
export const QUANTIZATIONS: ReadonlyMap<string, number> = new Map(
  Object.entries(CONSTANTS).flatMap(([name, value]) => {
    const match = /^LLAMA_FTYPE_(?:MOSTLY|ALL)_(\w+)$/.exec(name);
    return match?.[1] ? [[match[1].toLowerCase(), value] as const] : [];
  }),
);

export interface QuantizeRequest {
  readonly inputPath: string;
  readonly outputPath: string;
  /** A name of QUANTIZATIONS. */
  readonly quantization: string;
  readonly threads: number;
}

export interface Quantized {
  readonly bytes: number;
  readonly warnings: readonly string[];
}

/**
 * Writes a quantized copy of a GGUF file, synchronously (this process does nothing else).
 * @param onProgress called as each tensor begins.
 * @returns the size of the new file, and a sentence where tensors got another type than the one asked for
 * (K-quants need rows of a multiple of 256).
 * @throws FailureError `disk-full`, or `artifact-failed` with the engine's words; no file is left behind then.
 */
export async function quantizeFile(
  request: QuantizeRequest,
  onProgress?: (done: number, of: number) => void,
): Promise<Quantized> {
  const { inputPath, outputPath, quantization, threads } = request;
  const ftype = QUANTIZATIONS.get(quantization);
  if (ftype === undefined) {
    throw new FailureError(
      failure('artifact-failed', `llama.cpp knows no quantization "${quantization}".`, {
        hint: `Use one of ${[...QUANTIZATIONS.keys()].join(', ')}.`,
      }),
    );
  }
  if (!existsSync(inputPath)) {
    throw new FailureError(failure('model-missing', `There is no model file ${inputPath}.`));
  }
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const params = llama.functions.llama_model_quantize_default_params();
  params.nthread = threads;
  params.ftype = ftype;
  llama.log.clear();
  llama.log.listener = (text) => {
    // llama-quant.cpp: "[   3/  38] blk.0.attn_k.weight - [256, 128, 1, 1], type = f16, …"
    const step = /^\[\s*(\d+)\/\s*(\d+)\]/.exec(text);
    if (step !== null) onProgress?.(Number(step[1]), Number(step[2]));
  };
  const code = llama.functions.llama_model_quantize(
    inputPath,
    outputPath,
    llama.reference('llama_model_quantize_params', params),
  );
  llama.log.listener = null;
  if (code !== 0 || !existsSync(outputPath)) {
    // The engine says `iostream error` of a full disk; the draft still fills it now.
    const full = freeBytes(dirname(outputPath)) < FULL_BYTES;
    rmSync(outputPath, { force: true });
    if (full) throw new FailureError(diskFull(dirname(outputPath), quantization));
    const said = llama.log.errors() ?? `code ${code}`;
    throw new FailureError(
      failure(
        'artifact-failed',
        `llama.cpp cannot make ${quantization} of ${basename(inputPath)}: ${said}.`,
        {
          hint: /imatrix/.test(said)
            ? 'This type needs an importance matrix; use a type of 3 bits or more per weight.'
            : /requantiz/.test(said)
              ? 'Start from an f16, bf16 or f32 file.'
              : null,
        },
      ),
    );
  }
  const fallback = llama.log.find(/(\d+ of \d+ tensor\(s\)) required fallback/);
  const warnings =
    fallback === null ? [] : [`${fallback} do not allow ${quantization} and got a larger type`];
  return { bytes: statSync(outputPath).size, warnings };
}

/** Less than this left after a failed write is why it failed: the engine writes a tensor at a time. */
const FULL_BYTES = 2 ** 20;

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function diskFull(folder: string, quantization: string): Failure {
  return failure('disk-full', `the disk of ${folder} filled up while ${quantization} was being made`, {
    hint: 'Free some space, or point cacheFolder in the agent’s config to a larger disk.',
  });
}
