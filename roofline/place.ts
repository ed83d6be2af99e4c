import { type OperatorWork, type PassWork, totalBytes } from '../core/work/work.js';
import { type Ceilings, type Peak, peakFor } from './ceilings.js';

export type Bound = 'memory' | 'compute' | 'link';

/** An operator under the ceilings: the least time that they allow. */
export interface PlacedOperator {
  readonly work: OperatorWork;
  readonly bytes: number;
  /** FLOP per byte; null for what moves nothing through memory. */
  readonly intensity: number | null;
  readonly bound: Bound;
  readonly seconds: number;
  /** Of it, what is sent over a link; null where nobody states the link's rate, and it counts as no time. */
  readonly linkSeconds: number | null;
  /** null where no ceiling is known: then memory alone decides, and the time is a lower bound. */
  readonly peak: Peak | null;
}

export interface PlacedPass {
  readonly phase: PassWork['phase'];
  readonly operators: readonly PlacedOperator[];
  readonly flops: number;
  readonly bytes: number;
  /** One operator after the other; no launch cost and no efficiency factor. */
  readonly seconds: number;
}

/**
 * Places the operators of a pass under ceilings (Williams et al., CACM 2009): the time of each is that of its
 * FLOPs or of its bytes, whichever is longer, and after it that of what it sends over a link.
 */
export function placePass(pass: PassWork, ceilings: Ceilings): PlacedPass {
  const operators = pass.operators.map((work) => placeOperator(work, ceilings));
  const sum = (numberOf: (operator: PlacedOperator) => number) =>
    operators.reduce((total, operator) => total + numberOf(operator), 0);
  return {
    phase: pass.phase,
    operators,
    flops: sum(({ work }) => work.flops),
    bytes: sum(({ bytes }) => bytes),
    seconds: sum(({ seconds }) => seconds),
  };
}

/** Places one operator. A link whose rate nobody knows takes no time: see unknownCeilings. */
export function placeOperator(work: OperatorWork, ceilings: Ceilings): PlacedOperator {
  const bytes = totalBytes(work.traffic);
  const peak = peakFor(ceilings, work.arithmetic);
  const memory = bytes / ceilings.memoryBytesPerSecond;
  const compute = peak === null ? 0 : work.flops / peak.flopsPerSecond;
  const rate = linkRate(work, ceilings);
  const link = rate === null ? 0 : work.linkBytes / rate;
  const seconds = Math.max(memory, compute) + link;
  const bound = link > Math.max(memory, compute) ? 'link' : memory > compute ? 'memory' : 'compute';
  return {
    work,
    bytes,
    intensity: bytes === 0 ? null : work.flops / bytes,
    bound: seconds === 0 && work.linkBytes > 0 ? 'link' : bound,
    seconds,
    linkSeconds: work.linkBytes > 0 && rate === null ? null : link,
    peak,
  };
}

/**
 * Weights that are kept elsewhere come from the host; all else goes between peers, through the host where
 * there is no other way.
 */
function linkRate(
  { name }: OperatorWork,
  { peerBytesPerSecond, hostBytesPerSecond }: Ceilings,
): number | null {
  return name === 'fetch_weights' ? hostBytesPerSecond : (peerBytesPerSecond ?? hostBytesPerSecond);
}

/**
 * @returns a sentence for each ceiling that operators of the pass need and nobody states, so that their time
 *   is a lower bound.
 */
export function unknownCeilings(pass: PassWork, ceilings: Ceilings): string[] {
  const unknown = new Set<string>();
  for (const work of pass.operators) {
    if (work.flops > 0 && peakFor(ceilings, work.arithmetic) === null) {
      unknown.add(
        `no ${ceilings.origin} peak of ${ceilings.name} for ${work.arithmetic} or wider: times are what memory allows`,
      );
    }
    if (work.linkBytes > 0 && linkRate(work, ceilings) === null) {
      unknown.add(
        `no ${ceilings.origin} link of ${ceilings.name}: what is sent over links takes no time here`,
      );
    }
  }
  return [...unknown];
}

/** @returns seconds on links together; null when some of them are not known. */
export function linkSecondsOf(operators: readonly { readonly linkSeconds: number | null }[]): number | null {
  return operators.reduce<number | null>(
    (sum, { linkSeconds }) => (sum === null || linkSeconds === null ? null : sum + linkSeconds),
    0,
  );
}
