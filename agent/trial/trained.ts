import { rename, rm } from 'node:fs/promises';
import { writePeft } from '../../artifacts/adapters/peft-writer.js';
import { besideGguf } from '../../artifacts/files/peft-folder.js';
import { withoutEnding } from '../../core/models/formats.js';
import { parametersOf } from '../../core/techniques/adapters/adapter.js';
import { encodeFloats } from '../../core/techniques/float-types.js';
import type { TrainedResult } from '../../engines/runners/trainer.js';
import { adapterBase } from '../../formats/adapters/base.js';
import { canAttach, writeAdapterGguf } from '../../formats/adapters/gguf.js';
import { copyGguf } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { KeptResult } from '../workloads/workload.js';

/**
 * Writes what was trained: an adapter as GGUF with its PEFT folder beside it, or the base with the trained
 * tensors in f32.
 * @param path of the GGUF file.
 * @param runnable whether the result will be run: of an adapter that llama.cpp cannot attach (DoRA) a merged
 *   model is then written too.
 * @throws FailureError `disk-full`.
 */
export async function saveTrained(
  path: string,
  result: TrainedResult,
  basePath: string,
  runnable: boolean,
): Promise<KeptResult> {
  if (result.kind === 'model') {
    const bytes = await writeChanged(basePath, path, result.tensors);
    const shapes = readGgufHeader(path).tensors.filter(({ name }) => result.tensors.has(name));
    const parameters = shapes.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    return { kind: 'model', path, bytes, parameters, modelPath: path };
  }
  const { adapter, merged } = result;
  const folder = besideGguf(path);
  const draft = `${folder}.${process.pid}.draft`;
  try {
    await writePeft(draft, adapter, adapterBase(readGgufHeader(basePath)));
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const bytes = await writeAdapterGguf(path, adapter, { name: 'trained by ridgepoint' });
  const modelPath = runnable && !canAttach(adapter) ? mergedBeside(path) : null;
  if (modelPath !== null) await writeChanged(basePath, modelPath, merged);
  return { kind: 'adapter', path, bytes, parameters: parametersOf(adapter), modelPath };
}

/** Where the merged model of an adapter lies for as long as it is asked. */
function mergedBeside(path: string): string {
  return `${withoutEnding(path)}-merged.gguf`;
}

/** Copies a model with some tensors in f32 in the place of its own. @returns its bytes. */
async function writeChanged(
  basePath: string,
  path: string,
  changed: ReadonlyMap<string, () => Float32Array>,
): Promise<number> {
  const tensors = readGgufHeader(basePath).tensors.flatMap(({ name, shape }) => {
    const values = changed.get(name);
    if (values === undefined) return [];
    return [[name, { type: 'f32', shape, data: () => [encodeFloats(values(), 'f32')] }] as const];
  });
  return await copyGguf(basePath, path, { tensors: new Map(tensors) });
}
