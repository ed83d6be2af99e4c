import { failed } from '../core/errors.js';
import { orElse } from '../core/or-else.js';

export type { LibraryHandle, TypeObject } from 'koffi';
export type Koffi = typeof import('koffi');

/** ggml's graph code needs more stack than koffi's default gives. */
const STACK_BYTES = 8 << 20;

let imported: Promise<Koffi> | null = null;

/**
 * @returns what calls native libraries. Nothing else imports it: how much stack it gives has to be said
 *   before the first library is loaded, whichever that is.
 * @throws FailureError `engine-missing` where it does not load.
 */
export function importKoffi(): Promise<Koffi> {
  imported ??= setUp();
  return imported;
}

/** @returns a library by its path; null where it is not there, or koffi is not. */
export async function loadLibrary(path: string) {
  const koffi = await importKoffi().catch(() => null);
  return koffi && orElse(() => koffi.load(path), null);
}

async function setUp(): Promise<Koffi> {
  try {
    const koffi = (await import('koffi')).default as unknown as Koffi;
    koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
    return koffi;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const message = `koffi, which calls native libraries, does not load: ${reason}`;
    throw failed('engine-missing', message, 'Install Ridgepoint again, with optional packages.');
  }
}
