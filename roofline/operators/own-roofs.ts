import type {
  OperatorCall,
  OperatorTime,
  OperatorTimes,
  UntimedCall,
} from '../../core/work/operator-call.js';
import type { Ceilings } from '../ceilings.js';
import { familyNamed } from './families.js';
import { FORMATS } from './number-format.js';

/**
 * Holds times of tables to what a node measured of itself: no call is faster than its own roofs allow. A
 * peak that was not measured holds nothing.
 */
export function heldToRoofs(times: OperatorTimes, own: Ceilings): OperatorTimes {
  return {
    source: times.source,
    timeOf(call: OperatorCall): OperatorTime | UntimedCall {
      const time = times.timeOf(call);
      if (time.seconds === null) return time;
      const { bytes, flops, format } = familyNamed(call.family).workOf(call);
      const peak = format === null ? undefined : own.peaks[FORMATS[format].arithmetic];
      const memory = bytes / own.memoryBytesPerSecond;
      const compute = peak === undefined ? 0 : flops / peak;
      const least = Math.max(memory, compute);
      if (least <= time.seconds) return time;
      const limit = memory >= compute ? 'memory' : 'compute';
      return { ...time, seconds: least, roofSeconds: least, limit };
    },
  };
}
