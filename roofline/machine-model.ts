import type { BoundLevel } from '../core/result/roofline-record.js';
import type { RecordRoofs } from '../core/result/roofs-record.js';
import type { Arithmetic } from '../core/work/work.js';
import { atThreads } from './at-threads.js';
import { type Ceilings, peakFor } from './ceilings.js';
import { ceilingsAt } from './ceilings-at.js';

/** What a device can do for work on so many threads: the roofs that operators are held against. */
export interface MachineModel {
  readonly ceilings: Ceilings;
  /** Of the last cache, and its size; null where there is none, or it was not measured. */
  readonly cacheBytesPerSecond: number | null;
  readonly cacheBytes: number | null;
  /** Of the nearest cache that holds the activations of a layer. */
  readonly nearBytesPerSecond: number;
}

/** @returns the machineModel of measured roofs; null when no bandwidth of memory was measured. */
export function measuredMachine(
  roofs: RecordRoofs,
  device: { readonly name: string; readonly memoryBytes: number | null },
  threads: number,
  cacheBytes: number | null,
): MachineModel | null {
  const ceilings = ceilingsAt(roofs, device, threads);
  if (ceilings === null) return null;
  const level = (name: 'L2' | 'L3') => {
    const reads = roofs.bandwidth.filter((roof) => roof.level === name && roof.access === 'read');
    return atThreads(reads, threads)[0]?.bytesPerSecond ?? null;
  };
  const last = level('L3');
  return {
    ceilings,
    cacheBytesPerSecond: last,
    cacheBytes: last === null ? null : cacheBytes,
    nearBytesPerSecond: level('L2') ?? last ?? ceilings.memoryBytesPerSecond,
  };
}

/**
 * @returns the machineModel of published ceilings: memory alone, for nobody publishes the bandwidth of
 *   caches.
 */
export function publishedMachine(ceilings: Ceilings): MachineModel {
  return {
    ceilings,
    cacheBytesPerSecond: null,
    cacheBytes: null,
    nearBytesPerSecond: ceilings.memoryBytesPerSecond,
  };
}

/**
 * @param workingSet bytes of weights and cache that every pass reads again: what does not fit into the last
 *   cache comes from memory.
 */
export function levelOf({ cacheBytes }: MachineModel, workingSet: number): BoundLevel {
  return cacheBytes !== null && workingSet <= cacheBytes ? 'L3' : 'memory';
}

/**
 * @returns where a call finds inputs that the one before it left: the last cache, where its bandwidth was
 *   measured.
 */
export function warmLevelOf({ cacheBytesPerSecond }: MachineModel, onGpu: boolean): BoundLevel {
  if (onGpu) return 'L2';
  return cacheBytesPerSecond === null ? 'memory' : 'L3';
}

/** @returns the bandwidth of a level. */
export function bandwidthOf(
  { ceilings, cacheBytesPerSecond, nearBytesPerSecond }: MachineModel,
  level: BoundLevel,
): number {
  if (level === 'L2') return nearBytesPerSecond;
  return level === 'L3' && cacheBytesPerSecond !== null ? cacheBytesPerSecond : ceilings.memoryBytesPerSecond;
}

/** @returns operations per second; null where the device's ceiling is not known. */
export function peakOf({ ceilings }: MachineModel, arithmetic: Arithmetic): number | null {
  return peakFor(ceilings, arithmetic)?.flopsPerSecond ?? null;
}
