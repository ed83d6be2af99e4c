import type { Matrix } from '../pruning/matrix.js';

/**
 * How an adapter was trained. rsLoRA is a LoRA of another scale and VeRA one whose factors are scaled parts
 * of shared matrices, so both are held as the LoRA they are; PiSSA and OLoRA stand on what is left of the
 * base beside their initial factors (`onResidual`), unless that has been taken off again (`withoutInitial`).
 */
export const ADAPTER_KINDS = ['lora', 'rslora', 'dora', 'pissa', 'olora', 'vera'] as const;
export type AdapterKind = (typeof ADAPTER_KINDS)[number];

/**
 * A change of rank r to one matrix W [out, in]: W + scale · B · A, its rows then set to `magnitude` if there
 * is one.
 */
export interface AdapterLayer {
  /** A: r rows of `in`. */
  readonly a: Matrix;
  /** B: `out` rows of r. */
  readonly b: Matrix;
  readonly scale: number;
  /** DoRA: the length of each of the `out` rows of the effective matrix; null for the other kinds. */
  readonly magnitude: Float32Array | null;
}

export interface LowRankAdapter {
  readonly kind: AdapterKind;
  /** GGUF `general.architecture` of the models it fits. */
  readonly architecture: string;
  /** By the GGUF name of the matrix (`blk.0.attn_q.weight`); rows in the order they have in a GGUF file. */
  readonly layers: ReadonlyMap<string, AdapterLayer>;
  /**
   * The layers fit W0 − scale · B0 · A0, where B0 and A0 are what this initialization makes of W0; null: they
   * fit W0.
   */
  readonly onResidual: 'pissa' | 'olora' | null;
}

/** @returns r of W + scale · B · A. */
export function rankOf({ a }: AdapterLayer): number {
  return a.rows;
}

/** @returns the ranks there are, ascending. */
export function ranksOf({ layers }: LowRankAdapter): number[] {
  return [...new Set([...layers.values()].map(rankOf))].sort((x, y) => x - y);
}

/** @returns which matrices it changes, without their layers: `attn_q`, `ffn_down`. */
export function targetsOf({ layers }: LowRankAdapter): string[] {
  return [...new Set([...layers.keys()].map(targetOf))].sort();
}

/** `blk.0.attn_q.weight` → `attn_q`, `output.weight` → `output`. */
export function targetOf(tensor: string): string {
  return tensor.replace(/^blk\.\d+\./, '').replace(/\.weight$/, '');
}

/** @returns how many numbers it has: r (in + out) for each matrix, and the magnitudes. */
export function parametersOf({ layers }: LowRankAdapter): number {
  let sum = 0;
  for (const { a, b, magnitude } of layers.values())
    sum += a.values.length + b.values.length + (magnitude?.length ?? 0);
  return sum;
}

/**
 * @returns the name of the first matrix with a number that is not finite, and in which part; null when all
 *   are.
 */
export function notFinite({ layers }: LowRankAdapter): string | null {
  for (const [name, { a, b, scale, magnitude }] of layers) {
    if (!Number.isFinite(scale)) return `the scale of ${name}`;
    if (!a.values.every(Number.isFinite)) return `A of ${name}`;
    if (!b.values.every(Number.isFinite)) return `B of ${name}`;
    if (magnitude?.every(Number.isFinite) === false) return `the magnitudes of ${name}`;
  }
  return null;
}
