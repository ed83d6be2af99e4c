import { failed } from '../../core/errors.js';

export type Koffi = typeof import('koffi');

/** @returns what calls native libraries. @throws FailureError `engine-missing` where it does not load. */
export async function importKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default as unknown as Koffi;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw failed(
      'engine-missing',
      `koffi, which calls native libraries, does not load: ${reason}`,
      'Install Ridgepoint again, with optional packages.',
    );
  }
}
