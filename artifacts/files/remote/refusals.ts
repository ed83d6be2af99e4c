import { type FailureError, failed } from '../../../core/errors.js';
import { FETCHED, type FetchedFormat, formatOfFront } from '../../../formats/index.js';

/** Formats that can be fetched, for sentences. */
export const FETCHED_TITLES = FETCHED.map(({ title }) => title).join(' or ');

/**
 * @returns the format that a file begins as.
 * @throws FailureError when the first bytes are not those of a model that can be fetched: a page for people,
 *   most often.
 */
export function requireModel(first: Buffer, source: string): FetchedFormat {
  const format = formatOfFront(first);
  if (format !== null) return format;
  const shown = JSON.stringify(first.toString('latin1', 0, 12).replace(/[^\x20-\x7e]/g, '?'));
  const message = `${source} is no ${FETCHED_TITLES} file: it begins with ${shown}`;
  throw failed(
    'model-unreadable',
    message,
    'The address may lead to a page for people; name the file itself.',
  );
}

export function mismatch(message: string): FailureError {
  const hint = 'The file was changed or is another one: look at the source, and at the digest in the sweep.';
  return failed('digest-mismatch', message, hint);
}

/** @param bytes null = the server does not say, and more came than may. */
export function tooLarge(source: string, bytes: number | null, limit: number): FailureError {
  const size = bytes === null ? `more than ${limit} bytes` : `${bytes} bytes`;
  const message = `${source} has ${size}, and this node fetches ${limit} at most`;
  return failed('disk-full', message, 'Raise artifactBytes, or sources.maxBytes, in the agent’s config.');
}

export function gaveUp(source: string, last: Error, attempts: number): FailureError {
  const times = attempts === 1 ? 'one attempt' : `${attempts} attempts`;
  const hint =
    'What came so far is kept. Look at the network of the node, and at HTTPS_PROXY and NO_PROXY of its environment.';
  return failed('fetch-failed', `${source} could not be fetched in ${times}: ${last.message}`, hint);
}

/** @returns an error of a full disk as a failure; null for any other. */
export function diskFull(error: unknown): FailureError | null {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return null;
  const hint = 'Free some space, or point cacheFolder in the agent’s config to a larger disk.';
  const message = 'the disk filled up while a model was being fetched';
  return failed('disk-full', message, hint, { cause: error });
}
