import type { Arithmetic } from '../../core/work/work.js';

/** A published number with its source. */
export interface Figure {
  /** The value, in the base unit in which the field's name ends. */
  readonly value: number;
  /** Address of the datasheet, whitepaper or product page. */
  readonly source: string;
  /** How the value is derived, if it is not published itself. */
  readonly note?: string;
}

/**
 * Operations per second by data type, at the device's boost clock; a multiplication and an addition are two.
 */
export type Peaks = Partial<Readonly<Record<Arithmetic, Figure>>>;

/**
 * A device as its maker describes it. Unpublished figures are null or left out, and never guessed. Measured
 * ceilings are in roofs.ts, and are never mixed with these.
 */
export interface Hardware {
  /** What people type; lower case. */
  readonly id: string;
  readonly name: string;
  /** Other names, such as those of drivers and of LLM-Viewer. */
  readonly aliases: readonly string[];
  readonly kind: 'gpu' | 'cpu' | 'npu' | 'soc';
  readonly memoryBytes: Figure | null;
  readonly memoryBytesPerSecond: Figure;
  /** The total size of the last-level cache. */
  readonly onChipBytes: Figure | null;
  /**
   * Peaks without sparsity, of matrix units if there are any; floating-point products are summed in f32.
   * Peaks of CPUs are not published, so they are computed as cores × base clock × operations per cycle, which
   * a turbo clock may exceed. For a CPU with two kinds of cores only the faster ones count, because an engine
   * that divides work evenly would wait for the slower ones.
   */
  readonly peaks: Peaks;
  /** With 2:4 structured sparsity of the weights. */
  readonly sparsePeaks: Peaks;
  /** Rate in one direction of all links to its peers together, and of that to its host. */
  readonly peerBytesPerSecond: Figure | null;
  readonly hostBytesPerSecond: Figure | null;
  readonly watts: Figure | null;
}
