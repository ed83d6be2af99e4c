import type { ConversionName } from '../../core/models/conversions.js';
import type { Converter } from './converter.js';
import { ggufToOnnx } from './gguf-to-onnx/converter.js';
import { ggufToSafetensors } from './gguf-to-safetensors/converter.js';
import { safetensorsToGguf } from './safetensors-to-gguf/converter.js';

/** One folder a conversion. */
export const CONVERTERS: Readonly<Record<ConversionName, Converter>> = {
  'safetensors-to-gguf': safetensorsToGguf,
  'gguf-to-onnx': ggufToOnnx,
  'gguf-to-safetensors': ggufToSafetensors,
};
