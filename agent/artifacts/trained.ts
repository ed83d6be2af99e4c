import { rename, rm } from 'node:fs/promises';
import { parametersOf } from '../../core/techniques/adapters/adapter.js';
import { encodeFloats } from '../../core/techniques/float-types.js';
import type { TrainedResult } from '../runners/trainer.js';
import type { KeptResult } from '../workloads/workload.js';
import { adapterBase } from './adapters/base.js';
import { writeAdapterGguf } from './adapters/gguf.js';
import { writePeft } from './adapters/peft-writer.js';
import { copyGguf } from './gguf/copy.js';
import { readGgufHeader } from './gguf/header.js';
import { besideGguf } from './peft-folder.js';

/**
 * Writes what was trained: an adapter as GGUF with its PEFT folder beside it, or the base with the trained tensors in f32.
 * @param path of the GGUF file.
 * @throws FailureError `disk-full`.
 */
export async function saveTrained(
  path: string,
  result: TrainedResult,
  basePath: string,
): Promise<KeptResult> {
  if (result.kind === 'model') {
    const header = readGgufHeader(basePath);
    const trained = header.tensors.filter(({ name }) => result.tensors.has(name));
    const tensors = new Map(
      trained.map(({ name, shape }) => {
        const data = () => [encodeFloats(result.tensors.get(name)!(), 'f32')];
        return [name, { type: 'f32', shape, data }] as const;
      }),
    );
    const bytes = await copyGguf(basePath, path, { tensors });
    const parameters = trained.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    return { kind: 'model', path, bytes, parameters };
  }
  const { adapter } = result;
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
  return { kind: 'adapter', path, bytes, parameters: parametersOf(adapter) };
}
