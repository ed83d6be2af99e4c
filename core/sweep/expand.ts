import type { Experiment, ExperimentContent } from '../experiment/experiment.js';
import { experimentId } from './identity.js';
import type { Space } from './space.js';

/** @returns the content with its id, which is a hash: it is made when somebody asks for it. */
export function identified(content: ExperimentContent): Experiment {
  let id: string | null = null;
  return {
    get id() {
      id ??= experimentId(content);
      return id;
    },
    ...content,
  };
}

/**
 * @returns the complete experiment at a position of a planned sweep.
 * @param node only for sweeps with `placement.perNode`: the node becomes part of the experiment and its id.
 * @throws RangeError outside the space.
 */
export function experimentAt(space: Space, position: number, node: string | null = null): Experiment {
  const content = space.contentAt(position);
  return identified(node === null ? content : { ...content, node });
}
