import type { ServerProfile } from '../../../core/runners/server/profile.js';

/** A server as it would be started elsewhere, whether it was measured or predicted. */
export interface Deployment {
  readonly profile: ServerProfile;
  /** What it is started with, behind the program of the profile. */
  readonly arguments: readonly string[];
  readonly port: number;
  /** A name for it, as Kubernetes takes names. */
  readonly name: string;
  readonly replicas: number;
  /** Of a replica; 0 = it runs on CPUs. */
  readonly gpus: number;
  /** null = as many as there are. */
  readonly cpus: number | null;
  /** With room above what it took; null = nobody measured it. */
  readonly memoryBytes: number | null;
  /** Of the engine, as it names itself; null = unknown. */
  readonly release: string | null;
  /** The id of the row that it was measured as; null = it is predicted. */
  readonly experiment: string | null;
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

/**
 * @returns the image of a deployment, with the release that was measured as its tag where releases are tags.
 */
export function imageOf({ profile, gpus, release }: Deployment): string {
  const { container } = profile;
  const name = gpus > 0 ? container?.gpu : container?.cpu;
  if (container === null || name == null) return YOURS;
  const digits = /\d+\.\d+(?:\.\d+)*/.exec(release ?? profile.checkedAgainst ?? '')?.[0];
  return container.tag === '' || digits === undefined
    ? name
    : `${name}:${container.tag.replaceAll('{release}', digits)}`;
}
