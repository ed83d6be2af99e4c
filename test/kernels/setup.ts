import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** What building the native library gave; every test of it asks this instead of building it again. */
export interface KernelsBuild {
  /** False = no CMake or no C++ compiler: tests that need the library are skipped by name. */
  readonly tools: boolean;
  /** The library's path; null = it was not built. */
  readonly library: string | null;
  /** What the compiler said; null = it went well, or was not tried. */
  readonly failure: string | null;
}

declare module 'vitest' {
  export interface ProvidedContext {
    kernels: KernelsBuild;
  }
}

/** `scripts/build-kernels.mjs` ends with this where there is nothing to build with. */
const NO_TOOLS = 4;

/** Brings the native library up to date once, before the first test of test/kernels. */
export default function setup(project: TestProject): void {
  const script = join(import.meta.dirname, '../../scripts/build-kernels.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  const built = status === 0;
  project.provide('kernels', {
    tools: status !== NO_TOOLS,
    library: built ? stdout.trim().split('\n').at(-1)! : null,
    failure: built || status === NO_TOOLS ? null : stderr || `build-kernels.mjs ended with ${status}`,
  });
}
