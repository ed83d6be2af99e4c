import { wanda as score } from '../scores.js';
import { type Method, masked } from './method.js';

export interface Wanda {
  readonly kind: 'wanda';
}

/** The least |weight| · norm of its input goes, in each row (arXiv 2306.11695). */
export const wanda = {
  name: 'wanda',
  aliases: [],
  kind: 'wanda',
  own: {},
  calibrates: 'always',
  fromSettings: (): Wanda => ({ kind: 'wanda' }),
  needs: () => ['statistics'],
  nameOf: () => 'wanda',
  firstMask: (method) => method,
  problem: () => null,
  choose: ({ weights, statistics }, _method, pattern, engine) =>
    masked(weights, engine.selectByRow(weights, score(statistics!), pattern)),
} as const satisfies Method<Wanda>;
