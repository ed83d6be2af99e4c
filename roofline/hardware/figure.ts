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
 * A device as its maker describes it. What nobody has published is null or left out: it is never guessed.
 * Measured ceilings are in roofs.ts, and never mix with these.
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
  /**
   * Dense, with matrix units where it has them; float products summed in f32.
   *
   * For CPUs nobody publishes peaks. They are cores × base clock × operations per cycle, which a turbo may
   * exceed. Of a CPU with two kinds of cores it is the faster kind alone: an engine that splits work evenly
   * waits for the slower one.
   */
  readonly peaks: Peaks;
  /** With 2:4 structured sparsity of the weights. */
  readonly sparsePeaks: Peaks;
  /** One direction of all links to its peers and to its host. */
  readonly peerBytesPerSecond: Figure | null;
  readonly hostBytesPerSecond: Figure | null;
  readonly watts: Figure | null;
}
