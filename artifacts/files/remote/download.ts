import { findPart } from './part.js';
import type { Asking } from './request.js';
import { retrying } from './retries.js';
import { type Arrived, Transfer } from './transfer.js';

export interface Download {
  /** What the sweep calls it, for sentences. */
  readonly source: string;
  readonly address: string;
  /** Where the file goes; its beginning lies beside it as `.part` until it is whole. */
  readonly path: string;
  /** What its digest has to be; null = whatever comes. */
  readonly digest: string | null;
  /** What its size has to be; null = whatever comes. */
  readonly bytes: number | null;
  /** Its first bytes have to be those of a model; false for files of a folder. */
  readonly isModel: boolean;
}

export interface Downloaded extends Arrived {
  /** How much was there from before. */
  readonly resumedBytes: number;
}

export type OnProgress = (doneBytes: number, totalBytes: number | null) => void;

/**
 * Fetches a file: goes on where an earlier attempt, or another process, was cut off, as long as the server
 * says that it is still the same file; hashes what comes as it comes.
 * @param beforeNamed called when the file is whole and right, before it gets its name.
 * @throws FailureError `digest-mismatch` (then nothing is left of it), `model-missing`, `source-not-allowed`,
 * `model-unreadable`, `disk-full`, and `fetch-failed` when the network brings nothing for several attempts.
 */
export async function download(
  request: Download,
  asking: Asking,
  onProgress: OnProgress,
  beforeNamed: (arrived: Arrived) => Promise<void> = async () => {},
): Promise<Downloaded> {
  const transfer = new Transfer(request, asking, onProgress, beforeNamed);
  const before = (await findPart(request.path))?.bytes ?? 0;
  const doneBytes = () => transfer.doneBytes;
  const arrived = await retrying(request.source, asking, () => transfer.attempt(), doneBytes);
  return { ...arrived, resumedBytes: transfer.restarted ? 0 : before };
}
