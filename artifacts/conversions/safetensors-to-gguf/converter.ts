import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import { conversionNamed, isFolderArchitecture } from '../../../core/models/conversions.js';
import { FLOAT_BYTES, type FloatType } from '../../../core/techniques/float-types.js';
import { fieldsOf, readJson } from '../../../formats/config-json.js';
import { FormatError } from '../../../formats/format.js';
import { type GgufContent, writeGguf } from '../../../formats/gguf/writer.js';
import { type ModelFolder, openModelFolder } from '../../../formats/safetensors/format.js';
import { ggufTokenizer } from '../../../formats/tokenizers/gguf-tokenizer.js';
import { type ConversionRequest, type Converter, reading } from '../converter.js';
import type { NamedArchitecture } from './architecture.js';
import { ARCHITECTURES } from './architectures/index.js';
import { FolderConfig } from './config.js';
import { floatOf, Shards } from './folder.js';
import { metadataOf } from './metadata.js';
import { planTensors, sourceOf } from './plan.js';
import { asFloats, READ_METHODS } from './quantized.js';
import { followed } from './weights.js';

const GENERATION = 'generation_config.json';

/**
 * A folder as published for transformers, as the GGUF file that llama.cpp's own converter makes of it: names,
 * order of rows, types and keys are its (docs/models.md lists what differs). Memory holds one piece of a
 * tensor, however large the model is.
 */
export const safetensorsToGguf: Converter = reading(async (request, onProgress) => {
  const model = openModelFolder(request.inputPath);
  const shards = new Shards();
  try {
    const { content, warnings, written } = contentOf(model, request, shards);
    const { tensors } = content;
    let done = 0;
    const finished = () => onProgress(++done, tensors.length);
    const counted = tensors.map((one) => ({ ...one, data: () => followed(one.data(), finished) }));
    await writeGguf(request.outputPath, { ...content, tensors: counted });
    return { warnings, facts: { type: written, tensors: tensors.length } };
  } finally {
    await shards.close();
  }
});

interface PlannedFile {
  readonly content: GgufContent;
  readonly warnings: readonly string[];
  /** The type of its matrices. */
  readonly written: FloatType;
}

function contentOf(model: ModelFolder, request: ConversionRequest, shards: Shards): PlannedFile {
  const { type: asked, dequantize } = request;
  const { folder, tensors } = model;
  const { architecture, config, quantization } = known(model, dequantize);
  const written = asked ?? typeOf(model);
  const planned = planTensors(architecture, config, asFloats(tensors, quantization, shards));
  const tokenizer = ggufTokenizer(folder);
  const generation = join(folder, GENERATION);
  const metadata = metadataOf(architecture, config, {
    name: basename(folder),
    type: planned.some(({ weights }) => weights.type === 'mxfp4') ? 'mxfp4_moe' : written,
    generation: existsSync(generation) ? new FolderConfig(fieldsOf(readJson(generation))) : null,
  });
  const warnings = [...(architecture.caveats?.(config) ?? []), ...tokenizer.warnings];
  const sources = planned.map((one) => sourceOf(one, written));
  const all = new Map([...metadata, ...tokenizer.metadata]);
  return { content: { metadata: all, tensors: sources }, warnings, written };
}

interface KnownModel {
  readonly architecture: NamedArchitecture;
  readonly config: FolderConfig;
  /** `quantization_config`; null = its weights are floats. */
  readonly quantization: FolderConfig | null;
}

/** @throws FailureError `model-unsupported` for what has no GGUF form. */
function known(model: ModelFolder, dequantize: boolean): KnownModel {
  const said = new FolderConfig(model.config);
  // Of a model with an encoder of images the type of the whole tells, and its text model may be of any.
  const name = new FolderConfig({ model_type: model.config.model_type }).text('model_type');
  const quantization = said.nested('quantization_config');
  const method = quantization?.text('quant_method') ?? null;
  const packed = `its weights are quantized (${method}), and those of ${READ_METHODS.join(', ')} are read`;
  if (dequantize && method !== null && !READ_METHODS.includes(method))
    throw unsupported(model.folder, packed);
  const asked = {
    format: 'safetensors',
    architecture: name,
    quantization: dequantize ? null : method,
  } as const;
  const flaw = conversionNamed('safetensors-to-gguf').flaw(asked);
  if (flaw !== null || name === null || !isFolderArchitecture(name))
    throw unsupported(model.folder, flaw ?? 'its config does not say its model_type');
  const architecture = ARCHITECTURES[name];
  const classes = said.texts('architectures');
  const other = classes?.find((one) => !architecture.classes.includes(one));
  const unknown = `it is a ${other}, and of ${name} only ${architecture.classes.join(', ')} has a GGUF form`;
  if (other !== undefined) throw unsupported(model.folder, unknown);
  return { architecture, config: said.withDefaults(architecture.defaults(said)), quantization };
}

function unsupported(folder: string, why: string): FailureError {
  return failed('model-unsupported', `there is no GGUF form of ${basename(folder)}: ${why}`);
}

/**
 * The type that holds most bytes of its matrices.
 * @throws FormatError for a folder without matrices of floats.
 */
function typeOf({ tensors }: ModelFolder): FloatType {
  const bytes = new Map<FloatType, number>();
  for (const tensor of tensors) {
    const type = floatOf(tensor);
    if (type !== null && tensor.shape.length > 1) bytes.set(type, (bytes.get(type) ?? 0) + tensor.bytes);
  }
  const [most] = [...bytes].sort((a, b) => b[1] - a[1]);
  if (most === undefined)
    throw new FormatError(`it has no matrices of ${Object.keys(FLOAT_BYTES).join(', ')}`);
  return most[0];
}
