import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { Parallelism } from '../../core/work/pass/setting.js';
import type { ServedSplit } from '../../core/work/served-work.js';

/**
 * @returns how the devices of a server share a model. Of one without experts each replica is a copy by
 *   itself; the experts of a mixture meet the tokens of all replicas.
 */
export function parallelismOf(
  { layers }: ModelArchitecture,
  { tensor, pipeline, replicas, spreadsExperts }: ServedSplit,
): Parallelism {
  const mixture = layers.some(({ feedForward }) => feedForward.experts !== null);
  const data = mixture ? replicas : 1;
  return { tensor, pipeline, expert: spreadsExperts ? tensor * data : 1, data };
}
