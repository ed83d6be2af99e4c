import { selectByThreshold } from '../threshold.js';
import { type Method, masked } from './method.js';

export interface Magnitude {
  readonly kind: 'magnitude';
  /** One threshold for the matrix, or the least of each row. */
  readonly scope: 'matrix' | 'row';
}

/** The smallest weights go. */
export const magnitude = {
  name: 'magnitude',
  aliases: ['l1'],
  kind: 'magnitude',
  own: {},
  calibrates: 'when-asked',
  fromSettings: (): Magnitude => ({ kind: 'magnitude', scope: 'matrix' }),
  needs: () => [],
  nameOf: ({ scope }) => (scope === 'matrix' ? 'magnitude' : 'magnitude-row'),
  firstMask: (method) => method,
  problem: () => null,
  choose({ weights }, { scope }, pattern, engine) {
    const byThreshold = scope === 'matrix' && pattern.kind === 'unstructured';
    return masked(
      weights,
      byThreshold
        ? selectByThreshold(weights, pattern.ratio)
        : engine.selectByRow(weights, { kind: 'magnitude' }, pattern),
    );
  },
} as const satisfies Method<Magnitude>;

export const magnitudeRow = {
  ...magnitude,
  name: 'magnitude-row',
  aliases: [],
  fromSettings: (): Magnitude => ({ kind: 'magnitude', scope: 'row' }),
} as const satisfies Method<Magnitude>;
