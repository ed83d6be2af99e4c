import { z } from 'zod';

/** SHA-256 of a content as records name it. */
const DIGEST = /^sha256:([0-9a-f]{64})$/;

const NO_DIGEST = 'is no digest: "sha256:" and 64 hex digits';

/** A digest of a document. Digests become names of files: nothing else may stand in their place. */
export const digestSchema = z.string().regex(DIGEST, NO_DIGEST);

/** Of a model. Of a synthetic one it is the digest of its header, from which all weights follow. */
export const modelDigestSchema = z.string().regex(/^(?:header-)?sha256:[0-9a-f]{64}$/, NO_DIGEST);

/** Of an adapter. A synthetic one has its source in place of a digest. */
export const adapterDigestSchema = z
  .string()
  .regex(/^(?:sha256:[0-9a-f]{64}|synthetic:lora(?:\?[\w=&,.%+-]*)?)$/, NO_DIGEST);

/** @returns the 64 digits of a digest; null for what is none: it must never become a path. */
export function hexOf(digest: string): string | null {
  return DIGEST.exec(digest)?.[1] ?? null;
}
