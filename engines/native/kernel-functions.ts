import { failed } from '../../core/errors.js';
import type { LibraryHandle } from '../../process/koffi.js';
import { INTERFACES, type KernelFunctions, PROTOTYPES } from './gen/kernels.js';

/** A part of our native library with a C interface of its own: kernels/<part>/<part>.h. */
export type KernelPart = keyof KernelFunctions;

/**
 * @param library its path, for the message.
 * @returns the functions of a part, as its header declares them.
 * @throws FailureError `engine-mismatch` for a library that was built of another header.
 */
export function kernelFunctions<P extends KernelPart>(
  handle: LibraryHandle,
  part: P,
  library = 'the native library',
): KernelFunctions[P] {
  const number = handle.func(`int32_t ridge_${part}_interface()`)() as number;
  if (number !== INTERFACES[part]) {
    const message = `${library} was built of another kernels/${part}/${part}.h than this release has`;
    const hint = 'build it again with node scripts/build-kernels.mjs';
    throw failed('engine-mismatch', message, hint);
  }
  const bound = Object.entries(PROTOTYPES[part]).map(([name, prototype]) => [name, handle.func(prototype)]);
  return Object.fromEntries(bound) as KernelFunctions[P];
}
