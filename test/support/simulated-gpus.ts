import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { enginePackageOf, fetchedFolder, findEngine, partFolder } from '../../engines/native/packages.js';
import { compileStub, hasGcc } from './c-stub.js';
import { temporaryFolder } from './folder.js';

/**
 * What tests need that put other devices in the place of CUDA's; for their names: gcc, and no CUDA backend in
 * node_modules.
 */
export const canSimulateGpus =
  hasGcc && process.platform === 'linux' && process.arch === 'x64' && partFolder('cuda') === null;

/**
 * Puts a backend of two GPUs that are the CPU where `ridge engines install cuda` puts the engine's, until the
 * test is over.
 */
export function installSimulatedGpus(): void {
  const { folder } = findEngine();
  const engine = ['libggml.v0.4.0.so', 'libggml-base.so'].map((name) => join(folder, name));
  const library = compileStub('ggml-gpus-stub', '-Wl,--no-as-needed', ...engine);
  const before = process.env.XDG_CACHE_HOME;
  onTestFinished(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  });
  process.env.XDG_CACHE_HOME = temporaryFolder();
  const place = join(fetchedFolder(enginePackageOf('cuda')), 'bins/linux-x64-cuda');
  mkdirSync(place, { recursive: true });
  copyFileSync(library, join(place, 'libggml-cuda.so'));
}
