import type { KubeObject } from '../../../operator/kubernetes/objects.js';
import { render } from '../../support/helm.js';
import type { Anything } from '../../support/kubernetes/api.js';
import type { Lab } from '../../support/kubernetes/lab.js';
import { until } from '../../support/services.js';
import { OperatorProcess } from './processes.js';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The chart's own Roles, with a verb taken away; null = whole. */
async function grant(lab: Lab, without: { resource: string; verb: string } | null): Promise<void> {
  const kinds = ['Role', 'RoleBinding'];
  const manifests = render({ operator: { enabled: true } }).filter(
    ({ kind, metadata }) => kinds.includes(kind) && /-operator(-lease)?$/.test(metadata.name),
  );
  for (const manifest of manifests) {
    const rules = (manifest.rules as Rule[] | undefined)?.map((rule) => ({
      ...rule,
      verbs: rule.verbs.filter(
        (verb) => !(rule.resources[0] === without?.resource && verb === without?.verb),
      ),
    }));
    const metadata = { name: manifest.metadata.name, namespace: 'bench' };
    const object = {
      ...manifest,
      metadata,
      ...(rules && { rules: rules.filter(({ verbs }) => verbs.length > 0) }),
    };
    await lab.api.apply(object as Anything as KubeObject);
  }
}

/** @returns every right that the chart gives. */
export function rightsOf(): { resource: string; verb: string }[] {
  const roles = render({ operator: { enabled: true } }).filter(
    ({ kind, metadata }) => kind === 'Role' && /-operator(-lease)?$/.test(metadata.name),
  );
  return roles.flatMap((role) =>
    (role.rules as Rule[]).flatMap(({ resources, verbs }) =>
      verbs.map((verb) => ({ resource: resources[0] ?? '', verb })),
    ),
  );
}

let made = 0;

/**
 * One short Sweep, made, measured and deleted, as the chart's account.
 * @returns null when all went well, else what was refused.
 */
export async function refusedWith(
  lab: Lab,
  without: { resource: string; verb: string } | null,
): Promise<string | null> {
  await grant(lab, without);
  made += 1;
  const name = `right-${made}`;
  const lease = { namespace: 'bench', name: 'rp-ridgepoint-operator', seconds: 1 };
  const settings = {
    coordinator: lab.coordinator.grpcAddress,
    namespaces: ['bench'],
    lease,
    pollSeconds: 0.2,
  };
  const operator = new OperatorProcess(lab.plane.kubeconfig('operator'), settings);
  const refused = () => /[^\n]*forbidden[^\n]*/.exec(operator.said)?.[0] ?? null;
  const orRefused = async (what: string, probe: () => Promise<boolean>) =>
    await until(what, async () => ((await probe()) || refused() !== null ? true : null), 40);
  try {
    const lengths = [100_000 + 2 * made, 100_001 + 2 * made];
    await lab.api.apply(lab.object(name, {}, lengths));
    await orRefused('it to be complete', async () => (await lab.status(name)).progress === '2/2');
    if (refused() === null) {
      await lab.api.delete('Sweep', name);
      await orRefused('it to go', async () => (await lab.api.find('Sweep', name)) === null);
    }
    return refused();
  } finally {
    await operator.stop();
    // Whoever may do everything takes away what is left.
    await lab.api.merge('Sweep', name, { metadata: { finalizers: null } }).catch(() => undefined);
    await lab.api.delete('Sweep', name).catch(() => undefined);
    await lab.api.delete('Lease', lease.name).catch(() => undefined);
  }
}
