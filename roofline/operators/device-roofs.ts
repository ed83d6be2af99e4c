import type { RoofSeconds } from '../../core/work/operator-call.js';
import { type Ceilings, peakFor } from '../ceilings.js';
import type { CallWork } from './family.js';
import { FORMATS } from './number-format.js';

/** What limits a call, and how long it takes at the device's published roofs. */
export interface RoofTime {
  readonly seconds: number;
  readonly limit: 'memory' | 'compute' | 'link';
  /** Of memory and of arithmetic, each for itself. */
  readonly roofs: RoofSeconds;
}

/** @returns the time of the roof that binds; null where the device's maker does not publish it. */
export function roofTimeOf(work: CallWork, ceilings: Ceilings): RoofTime | null {
  const { bytes, flops, format, linkBytes } = work;
  const peak =
    format === null ? null : (peakFor(ceilings, FORMATS[format].arithmetic)?.flopsPerSecond ?? null);
  // Without a link between them devices of a node talk over the host.
  const link = ceilings.peerBytesPerSecond ?? ceilings.hostBytesPerSecond;
  if ((flops > 0 && peak === null) || (linkBytes > 0 && link === null)) return null;
  const roofs = {
    memory: bytes / ceilings.memoryBytesPerSecond,
    compute: flops === 0 ? 0 : flops / peak!,
  };
  const times: RoofTime[] = [
    { limit: 'memory', seconds: roofs.memory, roofs },
    { limit: 'compute', seconds: roofs.compute, roofs },
    { limit: 'link', seconds: linkBytes === 0 ? 0 : linkBytes / link!, roofs },
  ];
  return times.reduce((most, time) => (time.seconds > most.seconds ? time : most));
}
