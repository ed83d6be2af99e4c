import { deviceKind } from '../../../core/experiment/experiment.js';
import type { ServerProfile } from '../../../core/runners/server/profile.js';
import type { Judged } from '../../../report/recommend/recommend.js';

/** A server as it would be started elsewhere. */
export interface Deployment {
  readonly profile: ServerProfile;
  /** What it is started with, behind the program of the profile. */
  readonly arguments: readonly string[];
  readonly port: number;
  /** A name for it, as Kubernetes takes names. */
  readonly name: string;
  readonly judged: Judged;
}

/** Where files lie in a container. */
export const MODEL_FOLDER = '/models';

/** Stands where nobody publishes an image, and the reader has to say. */
const YOURS = 'IMAGE';

/**
 * @returns an argument as Kubernetes hands it on: it puts variables of the container in place of `$(NAME)`,
 *   and reads `$$` as `$`.
 */
export const kubernetesWord = (word: string): string => word.replaceAll('$', () => '$$');

/** @returns whether it wants a GPU. */
export function onGpu({ judged }: Deployment): boolean {
  return deviceKind(judged.candidate.experiment.device) !== 'cpu';
}

/**
 * @returns the image of a deployment, with the release that was measured as its tag where releases are tags.
 */
export function imageOf(deployment: Deployment): string {
  const { profile, judged } = deployment;
  const { container } = profile;
  const name = onGpu(deployment) ? container?.gpu : container?.cpu;
  if (container === null || name == null) return YOURS;
  const engine = String(judged.candidate.record?.environment.engine ?? profile.checkedAgainst ?? '');
  const release = /\d+\.\d+(?:\.\d+)*/.exec(engine)?.[0];
  return container.tag === '' || release === undefined
    ? name
    : `${name}:${container.tag.replaceAll('{release}', release)}`;
}
