import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { failed } from '../../core/errors.js';
import { conversionNamed, isWrittenWithBase, wayTo } from '../../core/models/conversions.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { DEFAULT_RUNNER } from '../../core/runners/index.js';
import type { AdapterPart } from '../../core/techniques/adapter.js';
import { FLOAT_BYTES, type FloatType } from '../../core/techniques/float-types.js';
import type { FourBitSpec } from '../../core/techniques/four-bit/spec.js';
import type { GraphQuantization } from '../../core/techniques/graph-quantization.js';
import type { PackedFormat } from '../../core/techniques/packing/packed.js';
import type { PackedType } from '../../core/techniques/packing/values.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { findEngine } from '../../engines/native/packages.js';
import { ON_CPU, placeOfClass } from '../../engines/runners/observer.js';
import { adapterBase } from '../../formats/adapters/base.js';
import { readAdapterGguf, writeAdapterGguf } from '../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { formatOf } from '../../formats/index.js';
import { taskOf } from '../../process/isolation/job.js';
import { attachedAdapters } from '../adapters/attach.js';
import { loadAdapter } from '../adapters/load.js';
import { locateAdapter } from '../adapters/source.js';
import { importanceFor } from '../calibration/importance.js';
import { type StatisticsRequest, statisticsFor } from '../calibration/store.js';
import { CONVERT } from '../conversions/job.js';
import { stepsTo } from '../conversions/step.js';
import type { BuiltFile } from '../files/build-file.js';
import { originOf } from '../files/lineage.js';
import { type Attended, type FileToMake, makeFile, progressTo, UNBOUND } from '../files/make-file.js';
import { bytesOf, filesOf } from '../files/tree.js';
import { PRUNE, type PruneRequest } from '../pruning/job.js';
import { fourBitStep } from '../techniques/four-bit.js';
import { mergeStep } from '../techniques/merge.js';
import { type QuantizeStep, quantizeGraphStep, quantizeStep } from '../techniques/quantize.js';
import { asFile, type ModelFile, OPENED_BY_COMMANDS, openFile, openModel, storeOf } from './open.js';

// What commands ask of this room to be made: a step of a sweep alone, by the same code, into a file that the
// user names.

type Asked = Pick<FileToMake, 'path' | 'threads'>;

/**
 * Quantizes a GGUF file by llama.cpp.
 * @param matrix an importance matrix from elsewhere; null = that of the spec's text, if it has one, made
 *   unless it is there.
 * @throws FailureError
 */
export async function quantize(
  of: ModelFile,
  { setting, spec, ...asked }: Asked & Pick<QuantizeStep, 'setting' | 'spec'>,
  matrix: string | null,
  settings: Attended,
): Promise<BuiltFile> {
  const engine = `llama.cpp ${findEngine().release}`;
  const { type, importance: text } = spec;
  const given = matrix === null ? null : { name: matrix, ingredients: {}, prepare: async () => matrix };
  const importance = given ?? (text === null ? null : await importanceFor(text, engine, settings));
  if (given === null && text !== null) settings.say(`collecting the importance matrix of ${text.text}`);
  const step = quantizeStep({ setting, spec, runnerKind: DEFAULT_RUNNER, engine, importance });
  const said = { what: type, line: `${basename(of.path)} to ${type}` };
  return await makeFile({ ...asked, ...said, of, step, bytes: of.facts.bytes }, settings);
}

/** Quantizes the linear layers of a GGUF file to four bits. @throws FailureError */
export async function quantizeFourBit(
  of: ModelFile,
  { setting, spec, ...asked }: Asked & { readonly setting: string; readonly spec: FourBitSpec },
  settings: Attended,
): Promise<BuiltFile> {
  const step = await fourBitStep(setting, spec, `llama.cpp ${findEngine().release}`, settings, ON_CPU);
  const said = { what: setting, line: `${basename(of.path)} to ${setting}` };
  return await makeFile({ ...asked, ...said, of, step, bytes: of.facts.bytes }, settings);
}

/**
 * Quantizes the ONNX graph of a model, whatever format it has.
 * @returns with the bytes before and after.
 * @throws FailureError
 */
export async function quantizeGraph(
  source: string,
  path: string,
  { setting, spec }: { readonly setting: string; readonly spec: GraphQuantization },
  settings: Attended,
): Promise<BuiltFile & { readonly bytes: number; readonly baseBytes: number }> {
  const of = await asFile(await openModel(source, settings, null), settings, ['onnx']);
  const baseBytes = bytesOf(of.path);
  const step = quantizeGraphStep(setting, spec);
  const said = { what: setting, line: `${basename(source)} to ${setting}` };
  const made = await makeFile({ ...said, path, of, step, bytes: baseBytes }, settings);
  return { ...made, bytes: bytesOf(path), baseBytes };
}

interface PruneAsked extends Pick<PruneRequest, 'sparsity' | 'textPath' | 'threads'> {
  readonly path: string;
  /** What the word says. */
  readonly spec: SparsitySpec;
  readonly deviceClass: string;
  /** What is written beside the file without its zeros; null = nothing. */
  readonly packed: { readonly path: string; readonly format: PackedFormat; readonly type: PackedType } | null;
}

/** Prunes a GGUF file, and packs what is left. @throws FailureError */
export async function prune(
  of: ModelFile,
  { path, spec, deviceClass, packed, ...asked }: PruneAsked,
  settings: Attended,
) {
  const request = { ...asked, place: placeOfClass(deviceClass) };
  const step: FileToMake['step'] = {
    taskFor: async (inputPath) => (outputPath) => taskOf(PRUNE, { ...request, inputPath, outputPath }),
  };
  const said = { what: asked.sparsity, line: `${basename(of.path)} by ${asked.sparsity}` };
  const made = await makeFile({ ...said, path, of, step, bytes: of.facts.bytes }, settings);
  if (packed === null) return { made, packed };
  const { packFile } = await import('../pruning/pack-file.js');
  return { made, packed: await packFile(path, packed.path, spec, packed.format, packed.type) };
}

interface ConvertAsked {
  readonly path: string;
  readonly format: ModelFormat;
  /** null = each weight keeps its own. */
  readonly type: FloatType | null;
  /** Whether quantized weights become floats. */
  readonly dequantize: boolean;
  /**
   * Whose tokenizer and settings a folder gets; null = those of what the file was made of, if that is known.
   */
  readonly base: string | null;
}

/** Room for a vocabulary, which is larger in a GGUF file than in its own. */
const VOCABULARY_BYTES = 64 * 2 ** 20;

/**
 * Writes a model in another format.
 * @throws FailureError `impossible-combination` where no conversion leads there.
 */
export async function convert(source: string, asked: ConvertAsked, settings: Attended) {
  const { path, format, type, dequantize } = asked;
  const refused = (why: string, hint: string | null) =>
    failed('impossible-combination', `${source} is ${why}`, hint);
  // Quantized weights are none that a conversion takes by itself.
  const runs = dequantize || format !== 'gguf' ? null : OPENED_BY_COMMANDS;
  const model = await openModel(source, settings, runs);
  const { bytes, format: own, parameters } = model.facts;
  const way = wayTo(own, [format]);
  const conversion = way?.at(-1);
  if (way === null) throw refused(`${own}, of which ${format} cannot be made`, null);
  if (conversion === undefined)
    throw refused(`${format} already`, 'ridge quantize writes it in other types.');
  const { from, bytes: bytesFrom } = conversionNamed(conversion);
  // What lies between is made in the cache.
  const of = await asFile(model, settings, from === own ? [own] : undefined);
  const base = asked.base ?? (await baseOf(of.path, format, settings));
  const request = { conversion, type, dequantize, base };
  const step: FileToMake['step'] = {
    taskFor: async (inputPath) => (outputPath) => taskOf(CONVERT, { ...request, inputPath, outputPath }),
  };
  const typed = type !== null || dequantize ? FLOAT_BYTES[type ?? 'bf16'] : 0;
  const made = await makeFile(
    {
      path,
      of,
      step,
      alsoOf: [model.path, base].filter((one) => one !== null),
      // About the bytes of the weights in the type that is asked for.
      bytes: bytesFrom(Math.max(bytes, (parameters ?? 0) * typed)) + VOCABULARY_BYTES,
      what: basename(path),
      line: `tensors of ${source} to ${format}`,
    },
    settings,
  );
  return { made, model, conversion };
}

/** What the file was made of, where that has the format that is written, and is asked for. */
async function baseOf(
  path: string,
  format: ModelFormat,
  { cacheFolder, say }: Attended,
): Promise<string | null> {
  const origin = isWrittenWithBase(format) ? await originOf(path, format, cacheFolder) : null;
  if (origin === null) return null;
  if (origin.state === 'unchanged') {
    say(`tokenizer and settings of ${origin.path}, which it was made of; --base names another folder`);
    return origin.path;
  }
  const why = origin.state === 'gone' ? 'is gone' : 'has changed since';
  say(
    `note: ${origin.path}, which it was made of, ${why}: the tokenizer is the file’s own; --base names a folder`,
  );
  return null;
}

/**
 * @returns whether a folder is as `convert` writes it: a model of the format with its weights, and not one
 *   file that is none of it.
 */
export function isModelAlone(path: string, format: ModelFormat): boolean {
  try {
    const { name, inspect, files } = formatOf(path);
    if (name !== format) return false;
    inspect(path);
    const own = new Set(files(path));
    return filesOf(path).every((file) => own.has(file));
  } catch {
    return false;
  }
}

interface CalibrateAsked
  extends Pick<StatisticsRequest, 'textPath' | 'textName' | 'windows' | 'sequences' | 'tokens'> {
  readonly threads: number;
  readonly deviceClass: string;
  /** Where the statistics go beside the cache, and in which form; null = nowhere. */
  readonly output: { readonly path: string; readonly format: 'imatrix' | 'safetensors' } | null;
}

/** Collects what the layers of a model see of a text, unless the cache has it. @throws FailureError */
export async function calibrate(
  { path: modelPath, digest: modelDigest }: ModelFile,
  { threads, deviceClass, output, ...asked }: CalibrateAsked,
  line: string,
  { launcher, showing, cacheFolder }: Attended,
) {
  const { readStatistics, seenOf } = await import('../calibration/saved.js');
  const request = { ...asked, modelPath, modelDigest, engine: findEngine().release, cacheFolder };
  const context = { cpus: [], threads, place: placeOfClass(deviceClass), timeLimitSeconds: null, launcher };
  const file = await showing(line, (onProgress) =>
    statisticsFor(request, { ...context, onMessage: progressTo(onProgress) }),
  );
  const statistics = await readStatistics(file.path);
  if (output?.format === 'imatrix') {
    const { writeImportanceMatrix } = await import('../calibration/imatrix.js');
    await writeImportanceMatrix(output.path, statistics);
  }
  if (output?.format === 'safetensors') await copyFile(file.path, output.path);
  return { file, statistics, seen: seenOf(statistics.layers), output };
}

/** Writes a copy of a model with adapters merged into its weights. @throws FailureError */
export async function mergeAdapters(
  source: string,
  parts: readonly AdapterPart[],
  asked: Asked & Pick<FileToMake, 'line'>,
  settings: Attended,
) {
  const step = await mergeStep(parts, source, settings);
  const of = await openFile(source, settings);
  const { bytes } = of.facts;
  const made = await makeFile({ ...asked, of, step, bytes, what: basename(asked.path) }, settings);
  return { made, adapters: step.adapters, baseBytes: bytes };
}

/**
 * Reads an adapter, and holds it against its model.
 * @param model null = none is named, and nothing is held against it.
 * @throws FailureError; `impossible-combination` for what cannot be read without its model.
 */
export async function openAdapter(source: string, model: string | null, settings: Attended) {
  const located = await locateAdapter(source, settings);
  const { place } = located;
  if (model !== null) {
    const { path: basePath } = await openFile(model, settings);
    return { ...(await loadAdapter({ source, place, basePath, baseName: model })), located, basePath };
  }
  if (place.form === 'gguf')
    return { ...(await readAdapterGguf(place.path, source)), located, basePath: null };
  const what =
    place.form === 'peft' ? 'a PEFT folder says nothing of heads' : 'it takes its shapes from a model';
  throw failed('impossible-combination', `${source} needs its model: ${what}`, 'Name it with --model.');
}

/**
 * Writes an adapter of a model as a GGUF file with numbers of a type, or, for null, as a PEFT folder.
 * @throws FailureError
 */
export async function convertAdapter(
  source: string,
  model: string,
  path: string,
  type: FloatType | null,
  settings: Attended,
) {
  const { adapter, warnings, basePath } = await openAdapter(source, model, settings);
  for (const warning of warnings) settings.say(`note: ${warning}`);
  if (type !== null) await writeAdapterGguf(path, adapter, { name: source, type });
  else {
    const { writePeft } = await import('../adapters/peft-writer.js');
    await writePeft(path, adapter, adapterBase(readGgufHeader(basePath!)), { baseModel: model });
  }
  return adapter;
}

/** Gets a model ready with the same adapters beside its weights and in them. @throws FailureError */
export async function attachedAndMerged(source: string, parts: readonly AdapterPart[], settings: Attended) {
  const { launcher } = settings;
  const opened = await openModel(source, settings, OPENED_BY_COMMANDS);
  const base = await asFile(opened, settings);
  const store = storeOf(settings);
  const model = { path: base.path, digest: base.digest, name: source };
  const attaching = { parts, base: model, shape: model, settings, store, launcher, uses: null };
  const adapters = await attachedAdapters({ ...attaching, ...UNBOUND });
  const steps = [...stepsTo(opened, OPENED_BY_COMMANDS), await mergeStep(parts, source, settings)];
  const merged = await store.prepare({ base: opened, steps, ...UNBOUND }, launcher);
  return { base, adapters, mergedPath: merged.path };
}
