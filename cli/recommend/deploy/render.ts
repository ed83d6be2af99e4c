import { shellLine, shellWord } from '../../../core/input/shell-word.js';
import type { ServerProfile } from '../../../core/runners/server/profile.js';
import { usageError } from '../../exit.js';
import type { Deployment } from './deployed.js';
import { helmValues } from './helm.js';
import { manifest } from './kubernetes.js';

/** @returns whether files lie in a container there. */
export const isContained = (target: string) => target === 'kubernetes' || target === 'helm';

/** @throws CommandError (2) for a server that no chart starts. */
export function refuseWithoutChart({ name, container }: ServerProfile, target: string): void {
  if (target === 'helm' && container?.chart !== true)
    throw usageError(
      `no Helm chart of ${name} is known: the chart is vLLM's production-stack`,
      'Take --as kubernetes.',
    );
}

/**
 * @param target `kubernetes` or `helm`; others are command lines.
 * @param image in place of the published one.
 */
export function renderDeployment(deployment: Deployment, target: string, image: string | undefined): string {
  if (target === 'kubernetes') return manifest(deployment, image);
  if (target === 'helm') return helmValues(deployment, image);
  const { profile } = deployment;
  const set = Object.entries(profile.environment).map(([name, value]) => `${name}=${shellWord(value)}`);
  return [...set, shellLine([...profile.command, ...deployment.arguments])].join(' ');
}

/** @returns a name as Kubernetes takes names. */
export function deploymentName(profile: ServerProfile, model: string): string {
  const name = `${profile.name}-${model}`
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return name.slice(0, 50).replace(/-+$/, '');
}
