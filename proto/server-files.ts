import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type FailureError, failed } from '../core/errors.js';
import { fileProblem } from '../core/input/file-problem.js';
import type { ServerSecurity, Tls } from './security.js';

/** Where a server's certificate and its key are. */
export interface PairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Security that follows its files. */
export interface WatchedSecurity {
  readonly security: ServerSecurity;
  close(): void;
}

/**
 * Makes a server's security of files, and makes it again when they change: certificates are renewed, tokens
 * made and revoked without a restart. What cannot be read later changes nothing, and is told once.
 * @param read everything in the files, to see whether it changed.
 * @param make of what `read` gave; throws for what cannot be used.
 * @param renewSeconds how often they are looked at.
 * @throws what `read` and `make` throw at first: a FailureError that says which file and why.
 */
export async function followFiles(
  read: () => readonly string[],
  make: (texts: readonly string[]) => Tls | Promise<Tls>,
  renewSeconds: number,
  tell: (sentence: string) => void,
): Promise<WatchedSecurity> {
  let texts = read();
  let security = await make(texts);
  let trouble: string | null = null;
  const listeners = new Set<() => void>();
  const look = async (): Promise<void> => {
    try {
      const now = read();
      if (now.every((text, i) => text === texts[i])) return;
      security = await make(now);
      texts = now;
      trouble = null;
      for (const listener of listeners) listener();
    } catch (error) {
      const { message } = error as Error;
      if (message !== trouble) tell(`what was read before holds on: ${message}`);
      trouble = message;
    }
  };
  const looking = setInterval(() => void look(), renewSeconds * 1000);
  looking.unref();
  const currentValue = <Field extends keyof Tls>(field: Field): PropertyDescriptor => ({
    enumerable: true,
    get: () => security[field],
  });
  const onRenewed = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const fields = Object.keys(security) as (keyof Tls)[];
  const live = Object.defineProperties(
    { onRenewed },
    Object.fromEntries(fields.map((field) => [field, currentValue(field)])),
  );
  return { security: live as unknown as Tls, close: () => clearInterval(looking) };
}

/** @returns what is in the two files. @throws FailureError that says which cannot be read, and why. */
export function readPair({ certificateFile, keyFile }: PairFiles): [certificate: string, key: string] {
  return [secretFile(certificateFile, 'certificate'), secretFile(keyFile, 'key')];
}

/**
 * @returns a certificate with its key. A pair that is half renewed is refused here, and not by every
 *   handshake.
 * @throws FailureError
 */
export function pairOf({ certificateFile, keyFile }: PairFiles, certificate: string, key: string) {
  usable(`${certificateFile} and ${keyFile}`, () => createSecureContext({ cert: certificate, key }));
  return { certificate: Buffer.from(certificate), key: Buffer.from(key) };
}

/** @throws FailureError with the reason why something cannot be used. */
export function usable<T>(what: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw fileFailure(`${what} cannot be used`, (error as Error).message);
  }
}

/** @throws FailureError that says what the file is, and why it cannot be read. */
export function secretFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fileFailure(`The ${what} file ${path} cannot be read`, fileProblem(error));
  }
}

export function fileFailure(what: string, why: string): FailureError {
  const hint = 'Check the path, what is in it, and who may read it.';
  return failed('internal', `${what}: ${why}.`, hint);
}
