import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

/** Younger files stay, whatever refers to them: a record that does may be on its way. */
export const KEPT_SECONDS = 3600;

/** What a store says of a file. */
export interface About {
  readonly bytes: number;
  /** When it was put here, or asked for last; milliseconds since 1970. */
  readonly at: number;
}

/** Where a coordinator keeps the files that records refer to, each under the digest of its content. */
export interface BodyStore {
  /** As it is called in messages. */
  readonly name: string;
  /** @returns whether it is kept, and will be for an hour in any case: who asks is about to refer to it. */
  has(hex: string): Promise<boolean>;
  /** @returns null where it is not here. */
  statOf(hex: string): Promise<About | null>;
  list(): AsyncIterable<About & { readonly hex: string }>;
  remove(hex: string): Promise<void>;
  /** Keeps a file whose content has that digest, durably. The file may be moved away. */
  put(hex: string, path: string): Promise<void>;
  /** @returns its bytes, as they are read; null where it is not here. */
  open(hex: string): Promise<Readable | null>;
}

export { hexOf } from '../../core/digest.js';

/** @returns SHA-256 of a file as it is read, as hexadecimal digits. */
export async function hexOfBytes(file: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of file) hash.update(piece as Buffer);
  return hash.digest('hex');
}
