import type { Readable } from 'node:stream';

/** Where a coordinator keeps the files that records refer to, each under the digest of its content. */
export interface BodyStore {
  /** As it is called in messages. */
  readonly name: string;
  has(hex: string): Promise<boolean>;
  /** Keeps a file whose content has that digest, durably. The file may be moved away. */
  put(hex: string, path: string): Promise<void>;
  /** @returns its bytes, as they are read; null where it is not here. */
  open(hex: string): Promise<Readable | null>;
}

/** @returns the 64 digits of a digest; null for what is none: it must never become a path. */
export function hexOf(digest: string): string | null {
  return /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1] ?? null;
}
