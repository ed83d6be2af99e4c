import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { failed } from '../../../core/errors.js';
import { fileType } from '../../../core/techniques/file-types.js';
import type { FloatType } from '../../../core/techniques/float-types.js';
import { loadLlama } from '../../../engines/native/llama.js';

/**
 * Writes a quantized GGUF file with the floats that its weights stand for, by llama.cpp's own quantizer, in this process.
 * @returns the path of what was written. @throws FailureError `artifact-failed` with the engine's words.
 */
export async function dequantized(inputPath: string, outputPath: string, type: FloatType): Promise<string> {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const params = llama.functions.llama_model_quantize_default_params();
  params.ftype = fileType(type)!.number;
  params.allow_requantize = true;
  llama.log.clear();
  const reference = llama.reference('llama_model_quantize_params', params);
  const code = llama.functions.llama_model_quantize(inputPath, outputPath, reference);
  if (code === 0 && existsSync(outputPath)) return outputPath;
  const message = `llama.cpp cannot dequantize ${basename(inputPath)}: ${llama.log.errors() ?? `code ${code}`}`;
  throw failed('artifact-failed', message);
}
