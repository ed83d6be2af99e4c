import type { Arithmetic } from '../core/work/work.js';
import type { Hardware } from './hardware/figure.js';

/** The origin of ceilings. Origins are never mixed, and every time is shown with its origin. */
export type CeilingOrigin = 'published' | 'measured' | 'llm-viewer';

/** The limits of operators: the lines of a roofline. */
export interface Ceilings {
  readonly name: string;
  readonly origin: CeilingOrigin;
  readonly memoryBytesPerSecond: number;
  /** Operations per second without sparsity; a multiplication and an addition are two. */
  readonly peaks: Partial<Readonly<Record<Arithmetic, number>>>;
  /** One direction; null where nobody says. */
  readonly peerBytesPerSecond: number | null;
  readonly hostBytesPerSecond: number | null;
  readonly memoryBytes: number | null;
  /** The last-level cache; left out if unknown. */
  readonly onChipBytes?: number | null;
}

/** @returns what a device's maker publishes. */
export function publishedCeilings(device: Hardware): Ceilings {
  return {
    name: device.id,
    origin: 'published',
    memoryBytesPerSecond: device.memoryBytesPerSecond.value,
    peaks: Object.fromEntries(
      Object.entries(device.peaks).map(([arithmetic, { value }]) => [arithmetic, value]),
    ),
    peerBytesPerSecond: device.peerBytesPerSecond?.value ?? null,
    hostBytesPerSecond: device.hostBytesPerSecond?.value ?? null,
    memoryBytes: device.memoryBytes?.value ?? null,
    onChipBytes: device.onChipBytes?.value ?? null,
  };
}

/** If a device lacks a data type, it computes in the next wider one that it has, never in a narrower one. */
export const WIDER: Readonly<Record<Arithmetic, readonly Arithmetic[]>> = {
  fp4: ['fp8', 'f16', 'bf16', 'tf32', 'f32', 'f64'],
  int4: ['int8', 'f16', 'bf16', 'tf32', 'f32', 'f64'],
  int8: ['f16', 'bf16', 'tf32', 'f32', 'f64'],
  fp8: ['f16', 'bf16', 'tf32', 'f32', 'f64'],
  f16: ['tf32', 'f32', 'f64'],
  bf16: ['tf32', 'f32', 'f64'],
  tf32: ['f32', 'f64'],
  f32: ['f64'],
  f64: [],
};

export interface Peak {
  /** The data type of the computation, which may be wider than the requested one. */
  readonly arithmetic: Arithmetic;
  readonly flopsPerSecond: number;
}

/** @returns the peak for a data type; null if the device has neither it nor a wider one. */
export function peakFor({ peaks }: Pick<Ceilings, 'peaks'>, arithmetic: Arithmetic): Peak | null {
  for (const candidate of [arithmetic, ...WIDER[arithmetic]]) {
    const flopsPerSecond = peaks[candidate];
    if (flopsPerSecond !== undefined) return { arithmetic: candidate, flopsPerSecond };
  }
  return null;
}
