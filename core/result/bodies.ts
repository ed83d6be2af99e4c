import type { ResultRecord } from './result.js';

/** A file that a record refers to, for it is too large to be part of it. */
export interface BodyReference {
  /**
   * What models said to items of tasks, or calls of a request graph: each kind has a folder of its own
   * wherever it is kept.
   */
  readonly kind: 'answers' | 'calls';
  /** `sha256:<hex>` of its bytes. */
  readonly digest: string;
}

/** @returns the files that a record refers to. */
export function bodiesOf({ quality, graph }: Pick<ResultRecord, 'quality' | 'graph'>): BodyReference[] {
  const answers = (quality?.answers ?? []).map(({ digest }): BodyReference => ({ kind: 'answers', digest }));
  return graph === undefined ? answers : [...answers, { kind: 'calls', digest: graph.calls.digest }];
}
