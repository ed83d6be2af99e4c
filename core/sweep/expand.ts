import type { Experiment, ExperimentContent } from '../experiment/experiment.js';
import { experimentId } from './identity.js';
import type { Space } from './space.js';

/** @returns the content with its id. */
export function identified(content: ExperimentContent): Experiment {
  return { id: experimentId(content), ...content };
}

/**
 * @returns the complete experiment at a position of a planned sweep.
 * @param node only for sweeps with `placement.perNode`: the node becomes part of the experiment and its id.
 * @throws RangeError outside the space.
 */
export function experimentAt(space: Space, position: number, node: string | null = null): Experiment {
  const content = space.at(position);
  return identified(node === null ? content : { ...content, node });
}
