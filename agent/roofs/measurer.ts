import type { DeviceProfile } from '../../core/experiment/node.js';
import type { Roofs } from '../../core/result/roofs.js';
import type { RoofsEnvironment } from './environment.js';

/**
 * How much is measured: `all` roofs within a minute; those that `rows` stand under, within some ten seconds;
 * or all by one `quick` round of a few repeats, which is no more than a look.
 */
export type RoofsExtent = 'all' | 'rows' | 'quick';

export interface RoofsRequest {
  /** Left out = all. */
  readonly extent?: RoofsExtent | undefined;
  /** Numbers of threads; left out = some from 1 to all. Of CPUs only. */
  readonly threads?: readonly number[] | undefined;
  /** Parts done, of how many. */
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
  /** Ends it; `measure` then fails with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
}

/** How the ceilings of one kind of device are measured. A new kind is a file here and a line in index.ts. */
export interface RoofsMeasurer {
  /** Device classes it is for: the first of a device's own. */
  readonly classes: readonly string[];
  /** What the ceilings depend on; cheap, for it is asked at every start of an agent. */
  environment(device: DeviceProfile): RoofsEnvironment | Promise<RoofsEnvironment>;
  /** @throws FailureError */
  measure(device: DeviceProfile, request: RoofsRequest): Promise<Roofs>;
}
