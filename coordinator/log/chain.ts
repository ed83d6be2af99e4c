import { createHash } from 'node:crypto';

/**
 * What one checksum of a log covers: an entry, or the entries of one append where they are stored together.
 * Each checksum is also over the one before, so that what was changed, left out or put in shows where it
 * happened.
 */
export interface Link {
  /** Positions of its entries. */
  readonly first: number;
  readonly last: number;
  /** The texts or bytes that are stored, in their order; null = the part that this entry has none of. */
  readonly content: readonly (string | Uint8Array | null)[];
  /** The checksum as it is stored; null = it has none, so somebody else wrote it. */
  readonly chain: string | null;
}

/**
 * The checksum of a link: SHA-256 over the checksum before, the positions, and the length and bytes of each
 * part.
 * @param before null = nothing with a checksum comes before it.
 * @returns 64 hexadecimal digits.
 */
export function chainOf(before: string | null, { first, last, content }: Omit<Link, 'chain'>): string {
  const lengths = content.map((part) => part?.length ?? '-').join(',');
  const hash = createHash('sha256').update(`${before ?? ''}\n${first}-${last}\n${lengths}\n`);
  for (const part of content) if (part !== null) hash.update(part);
  return hash.digest('hex');
}
