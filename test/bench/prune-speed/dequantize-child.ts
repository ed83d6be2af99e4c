/**
 * `node dequantize-child.ts IN OUT`: a quantized GGUF as f16, by llama.cpp's own quantizer with
 * allow_requantize. The numbers are those of the quantized file. In a process of its own, since it opens the
 * engine.
 */

import { fileType } from '../../../core/techniques/file-types.js';
import { loadLlama } from '../../../engines/native/llama.js';

const [input, output] = process.argv.slice(2);
const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
const params = llama.functions.llama_model_quantize_default_params();
params.nthread = 2;
params.ftype = fileType('f16')!.number;
params.allow_requantize = true;
const reference = llama.reference('llama_model_quantize_params', params);
const code = llama.functions.llama_model_quantize(input!, output!, reference);
if (code !== 0) console.error(`llama.cpp cannot dequantize ${input}: ${llama.log.errors() ?? code}`);
process.exitCode = code === 0 ? 0 : 1;
