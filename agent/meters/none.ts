import type { MeterSearch } from './meter.js';

/** Stands where nothing is measured because the sweep or the node's config says so. */
export function noMeter(name: string, reason: string): MeterSearch {
  return { found: false, name, reason };
}
