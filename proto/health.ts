import { X509Certificate } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { ProcessHealth } from './gen/ridgepoint/v1/health.js';

/** Where a process finds what it says of itself. */
export interface HealthSource {
  readonly version: string;
  /** Folders that it writes to; those that are not there yet count as not known. */
  readonly folders: readonly string[];
  /** @returns PEM of the certificate that it shows; null = it shows none. May throw where files are away. */
  certificate(): Buffer | null;
  /**
   * @returns results on its disk, for how many seconds the oldest has waited, and how many are a newer
   *   release's.
   */
  waiting(): Pick<ProcessHealth, 'waitingResults' | 'oldestWaitingSeconds' | 'newerResults'>;
}

/** Nothing of its own waits in a coordinator. */
export const NOTHING_WAITS = { waitingResults: 0, oldestWaitingSeconds: 0, newerResults: 0 };

/**
 * What a process says of itself. Disks are asked in the background: one that does not answer, as of a server
 * that is away, holds up no heartbeat.
 */
export class HealthReader {
  readonly #source: HealthSource;
  #freeDiskBytes: number | undefined;
  #asking: Promise<void> | null = null;

  constructor(source: HealthSource) {
    this.#source = source;
  }

  /** @returns its health, with the disks as they last answered. */
  read(): ProcessHealth {
    void this.askDisks();
    const { version, certificate, waiting } = this.#source;
    return {
      version,
      clockUnixMilliseconds: Date.now(),
      freeDiskBytes: this.#freeDiskBytes,
      certificateEndsAt: endOf(certificate),
      ...waiting(),
    };
  }

  /** Resolves when the disks have answered; never rejects. */
  askDisks(): Promise<void> {
    this.#asking ??= leastFree(this.#source.folders).then((bytes) => {
      this.#freeDiskBytes = bytes;
      this.#asking = null;
    });
    return this.#asking;
  }
}

/**
 * @returns bytes that an unprivileged process may still write in the fullest of these; undefined = unknown.
 */
async function leastFree(folders: readonly string[]): Promise<number | undefined> {
  const free = await Promise.all(
    folders.map((folder) =>
      statfs(folder).then(
        ({ bavail, bsize }) => [bavail * bsize],
        () => [],
      ),
    ),
  );
  const known = free.flat();
  return known.length === 0 ? undefined : Math.min(...known);
}

/** @returns until when it is valid, ISO 8601; empty where there is none, or none that can be read now. */
function endOf(certificate: () => Buffer | null): string {
  try {
    const pem = certificate();
    return pem === null ? '' : new Date(new X509Certificate(pem).validTo).toISOString();
  } catch {
    return '';
  }
}
