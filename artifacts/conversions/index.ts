import type { ConversionName } from '../../core/models/conversions.js';
import type { Converter } from './converter.js';

interface Entry {
  /** Changes whenever the same model would be written in other bytes. */
  readonly version: string;
  /** Loaded by whoever converts: an agent that starts needs the version alone. */
  load(): Promise<Converter>;
}

/** One folder a conversion. */
export const CONVERTERS: Readonly<Record<ConversionName, Entry>> = {
  'safetensors-to-gguf': {
    version: '1',
    load: async () => (await import('./safetensors-to-gguf/converter.js')).safetensorsToGguf,
  },
  'gguf-to-onnx': {
    version: '1',
    load: async () => (await import('./gguf-to-onnx/converter.js')).ggufToOnnx,
  },
  'gguf-to-safetensors': {
    version: '3',
    load: async () => (await import('./gguf-to-safetensors/converter.js')).ggufToSafetensors,
  },
};
