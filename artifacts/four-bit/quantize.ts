import { failed } from '../../core/errors.js';
import { fourBitBits } from '../../core/techniques/four-bit/formats.js';
import { type FourBitSpec, isStored, readFourBit } from '../../core/techniques/four-bit/spec.js';
import { openFourBitKernels } from '../../engines/native/four-bit.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../engines/native/kernels.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { Learned } from '../../process/isolation/learned.js';
import { chosenLayers } from '../pruning/linear-layers.js';
import { type OnProgress, prepareWalker } from '../pruning/walker.js';
import { copyForFourBits } from './file.js';
import type { FourBitRequest } from './job.js';
import { LayerQuantizer } from './layer-quantizer.js';

/**
 * Quantizes the linear layers of a model's file to four bits: collects activations where GPTQ is asked for,
 * quantizes layer by layer, and writes a copy. MXFP4 that nothing rotates goes into the file as it is; any
 * other format, which llama.cpp has no products for, as the values it stands for, in the type of the base.
 * Memory: what the walk over the layers has, and four times the largest layer in float32. In a child process.
 * @throws FailureError `engine-missing` without the native kernels, and as `walkLayers`, `chosenLayers` and
 *   `quantizeLayer` say.
 */
export async function quantizeFile(order: FourBitRequest, onProgress: OnProgress): Promise<Learned> {
  const spec = specOf(order.quantization);
  const library = requiredKernels();
  const layers = chosenLayers(order.inputPath, readGgufHeader(order.inputPath), spec);
  const calibration = spec.gptq?.calibration ?? null;
  const walker = await prepareWalker(order, { calibration, allocation: 'uniform' }, layers, onProgress);
  // llama.cpp first: it sets koffi up, which no library may be opened before.
  const pruning = await openPruningKernels(library, order.threads);
  const engine = { ...pruning, ...(await openFourBitKernels(library, order.threads)) };
  const stored = isStored(spec) ? layers : [];
  const file = await copyForFourBits(order.inputPath, order.outputPath, order.quantization, stored);
  const quantizer = new LayerQuantizer({ spec, layers, engine, file });
  try {
    await walker.walk(calibration?.order ?? 'dense', calibration !== null, (layer) =>
      quantizer.quantize(layer),
    );
  } finally {
    await file.close();
  }
  const types = [...new Set(layers.map(({ type }) => type))].join(' and ');
  return {
    warnings: [...walker.warnings(), ...quantizer.warnings(), ...storageWarnings(spec, types)],
    facts: {
      ...quantizer.totals(),
      bitsPerQuantizedWeight: fourBitBits(spec.type),
      calibrationSequences: calibration === null ? null : walker.sequences,
      calibrationTokens: calibration === null ? null : walker.tokens,
      ...(await walker.computedOn()),
    },
    report: { word: order.quantization, layers: quantizer.reports },
  };
}

function storageWarnings(spec: FourBitSpec, types: string): string[] {
  if (isStored(spec)) return [];
  const what = spec.rotation === 'none' ? spec.type : `${spec.type} with rotated inputs`;
  return [
    `llama.cpp has no products of ${what}: the file has the values that it stands for, as ${types}; quality is that of ${spec.type}, speed and memory are those of ${types}`,
  ];
}

function specOf(setting: string): FourBitSpec {
  const reading = readFourBit(setting);
  if (reading?.ok) return reading.value;
  const why = reading === null ? `${setting} is no format of four bits` : reading.message;
  throw failed('impossible-combination', why, 'Choose mxfp4, nvfp4 or if4.');
}
