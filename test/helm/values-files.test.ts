import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentFileSchema } from '../../agent/config.js';
import { resolveConfig } from '../../coordinator/config.js';
import { readSettings } from '../../operator/settings.js';
import { LONG } from '../support/cases.js';
import { hasSchemas, validateObjects } from '../support/chart-schemas.js';
import { CHART, CI_FILES, hasHelm, helm, type Manifest, only, podsOf, renderOnce } from '../support/helm.js';
import { offences } from '../support/pod-security.js';
import { ROOT } from '../support/ridge.js';

/** The values files whose releases ask the Kubernetes API anything; the first does so in all namespaces. */
const OPERATOR = 'operator-values.yaml';
const OPERATORS = [OPERATOR, 'webhook-values.yaml'];

/** @returns objects with an error each, to see that the schemas are not blind. */
function spoiledObjects(): [string, Manifest][] {
  const spoiled = (kind: string, spoil: (copy: Manifest) => void): [string, Manifest] => {
    const copy = structuredClone(only(renderOnce('monitoring-values.yaml'), kind));
    spoil(copy);
    return ['spoiled', copy];
  };
  return [
    spoiled('DaemonSet', (one) => {
      one.spec.template.spec.containers[0].imagePolicy = 'Always';
    }),
    spoiled('PodMonitor', (one) => {
      one.spec.podMetricsEndpoints[0].intervall = '5s';
    }),
    spoiled('ServiceMonitor', (one) => {
      one.spec.selector = undefined;
    }),
  ];
}

test('the chart is released with the program', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, unknown>;
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(chart).toMatchObject({ version, appVersion: version });
  // A subchart would have to be fetched: lint and template have to work without a network.
  expect(chart.dependencies).toBeUndefined();
});

describe.skipIf(!hasHelm)('every values file of ci/ (needs helm)', () => {
  test.each(LONG ? CI_FILES : ['default-values.yaml'])('%s passes helm lint --strict', (file) => {
    const { code, stdout, stderr } = helm('lint', file);
    expect(code, stdout + stderr).toBe(0);
  });

  test.skipIf(!hasSchemas)(
    'renders objects that Kubernetes, Prometheus Operator and cert-manager take; errors are seen (needs kubernetes-validate)',
    () => {
      // A real API server takes the definition of Sweeps (test/cluster/operator.test.ts).
      const ordinary = (file: string) =>
        renderOnce(file).filter(({ kind }) => kind !== 'CustomResourceDefinition');
      const files = LONG ? CI_FILES : CI_FILES.filter((_, i) => i % 3 === 0);
      const named = files.flatMap((file) => ordinary(file).map((one) => [file, one] as const));
      expect(named.length).toBeGreaterThan(files.length * 10);
      // Most files change little: what is the same but for random bytes is validated once.
      const different = new Map(named.map((one) => [JSON.stringify({ ...one[1], data: undefined }), one]));
      const found = validateObjects([...different.values(), ...spoiledObjects()]);
      expect(found.filter((line) => !line.startsWith('spoiled'))).toEqual([]);
      const seen = found.join('\n');
      expect(seen).toMatch(/DaemonSet.*imagePolicy/);
      expect(seen).toContain('intervall is no field');
      expect(seen).toMatch(/ServiceMonitor.*selector/);
    },
    120_000,
  );

  test('names no label, name or port twice and none too long', () => {
    for (const file of CI_FILES) {
      const manifests = renderOnce(file);
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(new Set(names).size, file).toBe(names.length);
      for (const { metadata } of manifests) expect(metadata.name.length).toBeLessThanOrEqual(63);
      for (const { spec } of podsOf(manifests)) {
        const volumes = (spec.volumes as { name: string }[]).map(({ name }) => name);
        expect(new Set(volumes).size).toBe(volumes.length);
        const claims = manifests.flatMap((one) => one.spec?.volumeClaimTemplates ?? []);
        const there = [...volumes, ...claims.map((claim: Manifest) => claim.metadata.name)];
        for (const { name } of spec.containers[0].volumeMounts) expect(there, file).toContain(name);
      }
    }
  });

  test.each(CI_FILES)('%s: the coordinator and the test pod keep to the restricted policy', (file) => {
    const pods = podsOf(renderOnce(file)).filter(
      ({ labels }) => !['agent', 'power'].includes(labels['app.kubernetes.io/component'] ?? ''),
    );
    expect(pods.length).toBe(OPERATORS.includes(file) ? 3 : 2);
    for (const pod of pods) expect(offences(pod), pod.owner).toEqual([]);
  });

  test('agents keep to it as well, with GPUs too, until host folders are asked for', () => {
    const free: string[] = [];
    for (const file of CI_FILES) {
      const agents = podsOf(renderOnce(file)).filter(({ owner }) => owner.includes('-agent-'));
      expect(agents.length).toBeGreaterThan(0);
      const wrong = agents.flatMap(offences);
      if (wrong.length > 0) free.push(file);
      expect(wrong.filter((one) => !one.endsWith('hostPath'))).toEqual([]);
    }
    expect(free).toEqual(['energy-values.yaml', 'models-values.yaml', 'power-values.yaml']);
  });

  test('nothing is written to the root of a container, nothing but a power helper runs as root, no pod but the operator’s has a token of the API', () => {
    for (const file of CI_FILES) {
      const manifests = renderOnce(file);
      for (const { spec, owner } of podsOf(manifests)) {
        expect(spec.automountServiceAccountToken, `${file} ${owner}`).toBe(
          owner === 'rp-ridgepoint-operator',
        );
        expect(spec.containers[0].securityContext.readOnlyRootFilesystem).toBe(true);
        // Power helpers are what runs as root, and a release has none unless it is asked for
        // (safety.test.ts).
        if (!owner.includes('-power-')) expect(spec.securityContext.runAsUser ?? 1).not.toBe(0);
      }
      for (const account of manifests.filter(({ kind }) => kind === 'ServiceAccount')) {
        expect(account.automountServiceAccountToken).toBe(false);
      }
      // The only rights that are given are those of people to read the operator's credentials.
      const roles = manifests.filter(
        ({ kind, metadata }) => kind === 'Role' && !/-operator(-lease)?$/.test(metadata.name),
      );
      for (const role of roles) {
        expect(role.rules).toHaveLength(1);
        expect(role.rules[0].resourceNames).toEqual([expect.stringContaining('operator')]);
        expect(role.rules[0].verbs).toEqual(['get']);
      }
      expect(manifests.some(({ kind }) => kind.startsWith('ClusterRole'))).toBe(file === OPERATOR);
    }
  });

  test('agents never get the key of the coordinator, the operator’s credentials or the authority’s key', () => {
    for (const file of CI_FILES) {
      const manifests = renderOnce(file);
      for (const { spec, labels } of podsOf(manifests)) {
        const who = labels['app.kubernetes.io/component'];
        const own =
          who === 'coordinator' ? 'coordinator' : who === 'test' || who === 'operator' ? 'operator' : 'agent';
        const text = JSON.stringify(spec.volumes);
        expect(text).not.toContain('rp-ridgepoint-ca"');
        if (own === 'coordinator') continue;
        if (who === 'power') {
          expect(text).not.toContain('credentials');
          continue;
        }
        type Source = { secret: { name: string; items: { key: string }[] } };
        const volume = spec.volumes.find(({ name }: { name: string }) => name === 'credentials');
        for (const { secret } of volume.projected.sources as Source[]) {
          const keys = secret.items.map(({ key }) => key);
          if (!secret.name.includes(own)) expect(keys, `${file} ${who}`).toEqual(['ca.crt']);
        }
      }
    }
  });

  test('the operator is told what the chart knows, may do what it needs and no more, and its agents may reach the coordinator', () => {
    const manifests = renderOnce(OPERATOR);
    const config = parse(only(manifests, 'ConfigMap', '-operator').data['operator.yaml']);
    const settings = readSettings(undefined, config);
    expect(settings).toMatchObject({
      namespaces: [],
      coordinatorNamespaces: { 'team-a-staging': 'team-a' },
      coordinatorsOfSweeps: true,
      lease: { namespace: 'bench', name: 'rp-ridgepoint-operator' },
      agents: {
        image: expect.stringMatching(/^ridgepoint-agent-cuda:/),
        credentials: 'rp-ridgepoint-agent-tls',
      },
    });
    expect(mounted(only(manifests, 'Deployment'), [settings.credentialsFolder ?? ''])).toEqual([]);
    const { rules } = only(manifests, 'ClusterRole');
    expect(rules.at(-1)).toMatchObject({ resources: ['secrets'], resourceNames: ['second-coordinator'] });
    const verbs = (rules as { resources: string[]; verbs: string[] }[]).map((rule) => [
      rule.resources,
      rule.verbs,
    ]);
    expect(verbs).toEqual([
      [['sweeps'], ['list', 'watch', 'patch']],
      [['sweeps/status'], ['patch']],
      [['jobs'], ['list', 'watch', 'create', 'delete']],
      [['events'], ['create']],
      [['secrets'], ['get']],
    ]);
    const [grpc] = only(manifests, 'NetworkPolicy', '-coordinator').spec.ingress;
    expect(JSON.stringify(grpc.from)).toContain('sweep-agent');
    const off = renderOnce('default-values.yaml');
    expect(off.some(({ kind }) => kind === 'CustomResourceDefinition' || kind === 'Deployment')).toBe(false);
    const { stderr } = helm('template', {
      operator: { enabled: true },
      security: { authentication: 'token' },
    });
    expect(stderr).toContain('operator.agentCredentials: name a Secret');
  });

  test.each(CI_FILES)('%s: the configuration files', (file) => {
    const manifests = renderOnce(file);
    const coordinator = only(manifests, 'StatefulSet');
    const config = parse(only(manifests, 'ConfigMap', '-coordinator').data['coordinator.yaml']);
    const resolved = resolveConfig(config);
    expect(resolved.grpcAddress).toMatch(/:7117$/);
    expect(mounted(coordinator, filesOf(resolved.security))).toEqual([]);
    // A pod that is told to go waits for running trials; it must not be killed while it does.
    const { terminationGracePeriodSeconds } = coordinator.spec.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(resolved.drainSeconds + 10);
    const makers = manifests.filter(({ kind }) => kind === 'DaemonSet');
    for (const agent of makers.filter(({ metadata }) => metadata.name.includes('-agent-'))) {
      const map = manifests.find(
        (one) => one.kind === 'ConfigMap' && one.metadata.name === agent.metadata.name,
      );
      const checked = agentFileSchema.parse(parse(map?.data['agent.yaml']));
      const { tls, tokenFile, sources, cacheFolder, stateFolder, modelFolders } = checked;
      const files = [
        ...filesOf({ ...tls, tokenFile }),
        ...filesOf({ ca: sources.ca, token: sources.hfTokenFile, power: checked.power?.socket }),
      ];
      expect(files.length).toBeGreaterThanOrEqual(2);
      expect(mounted(agent, [...files, cacheFolder, stateFolder, ...modelFolders])).toEqual([]);
    }
  });
});

/** @returns the paths among the values of a configuration. */
function filesOf(fields: object): string[] {
  return Object.values(fields).filter(
    (value): value is string => typeof value === 'string' && value.startsWith('/'),
  );
}

/** @returns those paths that no mount of the pod holds. */
function mounted(maker: Manifest, paths: readonly (string | undefined)[]): (string | undefined)[] {
  const mounts = maker.spec.template.spec.containers[0].volumeMounts as { mountPath: string }[];
  return paths.filter((path) => !mounts.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`)));
}
