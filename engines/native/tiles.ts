import { measuringLibrary, openKernelLibrary } from './kernel-library.js';

/** What Intel's manual gives a layout. */
const LAYOUT_BYTES = 64;

/** The matrix tiles of a processor that has them (kernels/tiles/tiles.h). */
export interface Tiles {
  /**
   * Runs work that may lay out this thread's tiles anew, and puts back what was there: another engine relies
   * on it. Calls do not nest.
   */
  kept<T>(work: () => T): T;
}

/**
 * @param library our native library; null = there is none, and engines that share a process are then on their
 *   own.
 * @returns null where there is nothing to put back. @throws FailureError as `openKernelLibrary` does.
 */
export async function openTiles(library = measuringLibrary()): Promise<Tiles | null> {
  if (library === null) return null;
  const { functions } = await openKernelLibrary(library, 'tiles');
  if (functions.ridge_tiles_here() === 0) return null;
  const layout = new Uint8Array(LAYOUT_BYTES);
  return {
    kept(work) {
      functions.ridge_tiles_read(layout);
      try {
        return work();
      } finally {
        functions.ridge_tiles_set(layout);
      }
    },
  };
}
