import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FailureError, failed } from '../../core/errors.js';
import { importKoffi, type Koffi, type LibraryHandle } from '../../process/koffi.js';
import { builtFile } from '../../process/package.js';
import { cpuLevels } from './cpu-levels.js';
import type { KernelFunctions } from './gen/kernels.js';
import { type KernelPart, kernelFunctions } from './kernel-functions.js';

const HINT = 'build it with node scripts/build-kernels.mjs';

/** The package that brings the library without a compiler (scripts/pack.mjs). */
const PACKAGE = `@ridgepoint/kernels-${process.platform}-${process.arch}`;

/**
 * @returns the library that `scripts/build-kernels.mjs` built here, else the one of the package for this
 *   platform, or null.
 */
export function kernelsLibrary(): string | null {
  const name = fileName('ridgepoint-kernels');
  return builtFile(join('kernels', name)) ?? prebuilt(name);
}

/**
 * For roofs, the loop of steps and the profiler, which is all that measuring models takes.
 * @returns the whole library, else the one with these parts alone, which a clone has after its first run; or
 *   null.
 */
export function measuringLibrary(): string | null {
  return kernelsLibrary() ?? builtFile(join('kernels', fileName('ridgepoint-measuring')));
}

function fileName(library: string): string {
  if (process.platform === 'win32') return `${library}.dll`;
  return `lib${library}.${process.platform === 'darwin' ? 'dylib' : 'so'}`;
}

function prebuilt(name: string): string | null {
  try {
    const library = join(dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)), name);
    return existsSync(library) ? library : null;
  } catch {
    return null;
  }
}

/** @returns whether a library of ours came with the release rather than from a compiler on this machine. */
export function isPrebuilt(library: string): boolean {
  return library.includes(join('node_modules', PACKAGE));
}

/** @returns the library. @throws FailureError `engine-missing`: for what cannot do without it. */
export function requiredKernels(): string {
  const library = kernelsLibrary();
  if (library === null) throw missingLibrary();
  return library;
}

/** @returns the failure of what needs the library and has it not. */
export function missingLibrary(): FailureError {
  const message = `this needs Ridgepoint's native kernels: the package ${PACKAGE} is not installed, and they were not built here`;
  const hint =
    'Install that package where Ridgepoint is; or, with CMake and a C++17 compiler, run `npm run build` in a clone.';
  return failed('engine-missing', message, hint);
}

export interface KernelLibrary<P extends KernelPart = KernelPart> {
  readonly koffi: Koffi;
  readonly handle: LibraryHandle;
  /** What the part's header declares. */
  readonly functions: KernelFunctions[P];
}

/**
 * Opens our own native library. Only ever in a child process: native code can take its process down.
 * @throws FailureError `engine-missing` when the library cannot be opened, `engine-mismatch` when it was
 *   built of another header, `device-missing` for a RIDGEPOINT_CPU that this processor does not have.
 */
export async function openKernelLibrary<P extends KernelPart>(
  path: string,
  part: P,
): Promise<KernelLibrary<P>> {
  try {
    const koffi = await importKoffi();
    const handle = koffi.load(path);
    const functions = kernelFunctions(handle, part, path);
    // Refuses a RIDGEPOINT_CPU that is no level of this processor.
    cpuLevels({ handle });
    return { koffi, handle, functions };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const message = `${path} cannot be opened: ${error instanceof Error ? error.message : error}`;
    throw failed('engine-missing', message, HINT, { cause: error });
  }
}
