import type { Arithmetic } from '../../core/work/work.js';

/** A published number and where it stands. */
export interface Figure {
  /** In the base unit that the field's name ends in. */
  readonly value: number;
  /** Address of the datasheet, whitepaper or product page. */
  readonly source: string;
  /** How it follows from what is published, where it is not published itself. */
  readonly note?: string;
}

/** Operations per second by what multiplies, at the device's boost clock; a multiply and an add are two. */
export type Peaks = Partial<Readonly<Record<Arithmetic, Figure>>>;

/**
 * A device as its maker describes it. What nobody has published is null or left out: it is never guessed. Measured
 * ceilings are in roofs.ts, and never mix with these.
 */
export interface Hardware {
  /** What people type; lower case. */
  readonly id: string;
  readonly name: string;
  /** Other names: what drivers say, what LLM-Viewer calls it. */
  readonly aliases: readonly string[];
  readonly kind: 'gpu' | 'cpu' | 'npu' | 'soc';
  readonly memoryBytes: Figure | null;
  readonly memoryBytesPerSecond: Figure;
  /** The last cache before memory, all of it. */
  readonly onChipBytes: Figure | null;
  /** Dense, with the matrix units where it has them; float products summed in f32. */
  readonly peaks: Peaks;
  /** With 2:4 structured sparsity of the weights. */
  readonly sparsePeaks: Peaks;
  /** One direction of all links to its peers and to its host. */
  readonly peerBytesPerSecond: Figure | null;
  readonly hostBytesPerSecond: Figure | null;
  readonly watts: Figure | null;
}

export const GIGA = 1e9;
const TERA = 1e12;
export const MEBI = 1024 ** 2;

/** @returns a way to write figures of one publication. */
export function publishedAt(source: string) {
  return (value: number, note?: string): Figure =>
    note === undefined ? { value, source } : { value, source, note };
}

type Publication = ReturnType<typeof publishedAt>;

/** @returns peaks in Tera operations per second as figures of one publication. */
export function teraPeaks(
  publication: Publication,
  peaks: Partial<Record<Arithmetic, number>>,
  note?: string,
): Peaks {
  return Object.fromEntries(
    Object.entries(peaks).map(([arithmetic, tera]) => [arithmetic, publication(tera * TERA, note)]),
  );
}

const BOTH_WAYS = 'half of what is published for both directions together';

/** @returns one direction of a link that is published with both, in GB/s. */
export function halfOf(publication: Publication, bothWaysGigabytes: number): Figure {
  return publication((bothWaysGigabytes / 2) * GIGA, BOTH_WAYS);
}

/** Peaks that are published with sparsity alone: dense is half of them. */
export function halvedPeaks(publication: Publication, sparse: Partial<Record<Arithmetic, number>>): Peaks {
  const dense = Object.fromEntries(Object.entries(sparse).map(([name, tera]) => [name, tera / 2]));
  return teraPeaks(publication, dense, 'half of what is published with 2:4 sparsity');
}
