import { z } from 'zod';

/** SHA-256 of a content as records name it. */
const DIGEST = /^sha256:([0-9a-f]{64})$/;

const NO_DIGEST = 'is no digest: "sha256:" and 64 hex digits';

/** A digest of a document. Digests become names of files: nothing else may stand in their place. */
export const digestSchema = z.string().regex(DIGEST, NO_DIGEST);

/** Of a model: of a synthetic one the header says all that its weights follow from, and has the digest. */
export const modelDigestSchema = z.string().regex(/^(?:header-)?sha256:[0-9a-f]{64}$/, NO_DIGEST);

/** Of an adapter: a synthetic one is its own source. */
export const adapterDigestSchema = z
  .string()
  .regex(/^(?:sha256:[0-9a-f]{64}|synthetic:lora(?:\?[\w=&,.%+-]*)?)$/, NO_DIGEST);

/** @returns the 64 digits of a digest; null for what is none: it must never become a path. */
export function hexOf(digest: string): string | null {
  return DIGEST.exec(digest)?.[1] ?? null;
}
