import { describe, expect, test } from 'vitest';
import { hasHelm, type Manifest, only, podsOf, render, renderOnce } from '../support/helm.js';
import { type Endpoint, mayReach } from '../support/kubernetes/network-policies.js';

/** Of `render`. */
const HOME = 'bench';
const NAMED = { grpc: 7117, metrics: 9464, web: 7118, health: 9466, webhook: 9443 };

const pod = (namespace: string, labels: Record<string, string> = {}, address = '10.1.0.9'): Endpoint => ({
  namespace,
  labels,
  address,
  ports: NAMED,
});
const outside = (address: string): Endpoint => ({ namespace: null, labels: {}, address, ports: {} });

/** Who else is in the cluster or outside of it. */
const OTHERS = {
  prometheus: pod('monitoring', { 'app.kubernetes.io/name': 'prometheus' }),
  database: pod('postgres', { app: 'db' }),
  nats: pod('nats', { app: 'nats' }),
  dns: pod('kube-system', { 'k8s-app': 'kube-dns' }),
  stranger: pod(HOME, { app: 'stranger' }),
  api: outside('10.0.0.1'),
  internet: outside('93.184.216.34'),
};

/** Each port that somebody listens on. */
const SERVERS: readonly (readonly [who: string, port: number, protocol?: 'UDP'])[] = [
  ['coordinator', 7117],
  ['coordinator', 7118],
  ['coordinator', 9464],
  ['agent', 9464],
  ['operator', 9466],
  ['operator', 9443],
  ['database', 5432],
  ['nats', 4222],
  ['dns', 53, 'UDP'],
  ['api', 443],
  ['internet', 8080],
  ['stranger', 8080],
];

/** @returns every pair that may meet, as `client > server:port`. */
function reachable(manifests: readonly Manifest[]): readonly string[] {
  const policies = manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map((one) => ({ ...one, metadata: { namespace: HOME, ...one.metadata } }));
  const own = podsOf(manifests).map(({ labels }) => [
    labels['app.kubernetes.io/component'] as string,
    pod(HOME, labels),
  ]);
  const all: Record<string, Endpoint> = { ...OTHERS, ...Object.fromEntries(own) };
  return Object.entries(all).flatMap(([client, from]) =>
    SERVERS.filter(
      ([server, port, protocol]) =>
        client !== server &&
        all[server] !== undefined &&
        mayReach(policies, from, all[server], port, protocol),
    ).map(([server, port]) => `${client} > ${server}:${port}`),
  );
}

/** Pairs that have one of the release's pods at an end; what others do among themselves is theirs. */
function ofRelease(manifests: readonly Manifest[]): readonly string[] {
  const own = /\b(coordinator|agent|operator|test)\b/;
  return reachable(manifests)
    .filter((pair) => own.test(pair))
    .sort();
}

const log = (kind: string, settings: object, networkPolicy: object = {}) => ({
  coordinator: { log: { kind, [kind]: settings } },
  networkPolicy,
});

describe.skipIf(!hasHelm)('who may reach whom (needs helm)', () => {
  // The pod of `helm test` is under no policy of egress: it may ask whoever lets it in.
  const fromTest = (pairs: readonly string[]) => pairs.filter((pair) => !pair.startsWith('test >'));
  const fromCoordinator = (values: object | string) =>
    reachable(render(values)).filter((pair) => pair.startsWith('coordinator >'));

  test('with everything at its default: agents reach the coordinator, Prometheus reads metrics, both ask DNS', () => {
    expect(fromTest(ofRelease(renderOnce()))).toEqual([
      'agent > coordinator:7117',
      'agent > dns:53',
      'coordinator > dns:53',
      'prometheus > agent:9464',
      'prometheus > coordinator:9464',
    ]);
    expect(ofRelease(renderOnce())).toContain('test > coordinator:7117');
  });

  test('with the operator: it alone reaches the API server', () => {
    const pairs = fromTest(ofRelease(renderOnce('operator-values.yaml')));
    expect(pairs.filter((pair) => pair.includes('operator'))).toEqual([
      'operator > api:443',
      'operator > coordinator:7117',
      'operator > dns:53',
    ]);
    expect(pairs.filter((pair) => pair.includes('api'))).toHaveLength(1);
  });

  test('with its webhook: strangers may ask it, too, or the API server alone where the values say where that is', () => {
    const asks = (values: object | string) =>
      reachable(render(values)).filter((pair) => / > operator:/.test(pair) && !pair.startsWith('test >'));
    const own = ['agent', 'coordinator'].map((client) => `${client} > operator:9443`);
    const pairs = asks('webhook-values.yaml');
    expect(pairs).toContain('api > operator:9443');
    expect(pairs.filter((pair) => own.includes(pair) || pair.endsWith(':9466'))).toEqual([]);
    const narrow = { apiServers: [{ ipBlock: { cidr: '10.0.0.1/32' } }] };
    const operator = { enabled: true, webhook: { enabled: true } };
    expect(asks({ operator, networkPolicy: narrow })).toEqual(['api > operator:9443']);
  });

  test('the coordinator reaches the database that the values name, and agents do not', () => {
    const pairs = fromTest(ofRelease(renderOnce('postgres-values.yaml')));
    expect(pairs.filter((pair) => pair.includes('database'))).toEqual(['coordinator > database:5432']);
    expect(fromCoordinator('postgres-values.yaml')).toEqual([
      'coordinator > database:5432',
      'coordinator > dns:53',
    ]);
    expect(fromCoordinator('several-coordinators-values.yaml')).toContain('coordinator > database:5432');
  });

  test('and the NATS servers that they name', () => {
    expect(fromCoordinator('jetstream-values.yaml')).toEqual([
      'coordinator > nats:4222',
      'coordinator > dns:53',
    ]);
  });

  test('on the ports that they name, or the usual ones', () => {
    const ports = (values: object) =>
      only(render(values), 'NetworkPolicy', '-coordinator').spec.egress[1].ports.map(
        ({ port }: { port: number }) => port,
      );
    const database = (url: string) => ports(log('postgres', { url }));
    expect(database('postgres://r@db.example.com/results')).toEqual([5432]);
    expect(database('postgres://r@one:6432,two:6433,[fd00::1]/results')).toEqual([6432, 6433, 5432]);
    expect(ports(log('jetstream', { servers: ['nats://a', 'tls://b:4223', 'tls://c:4223'] }))).toEqual([
      4222, 4223,
    ]);
  });

  test('and where bodies are kept and metrics are pushed to', () => {
    const bodies = { kind: 's3', endpoint: 'http://store:8080', bucket: 'b' };
    const push = [{ kind: 'otlp', url: 'https://collector/v1/metrics' }];
    expect(fromCoordinator({ coordinator: { config: { bodies: null } } })).toEqual(['coordinator > dns:53']);
    const pairs = fromCoordinator({ coordinator: { config: { bodies, exporter: { push } } } });
    expect(pairs).toContain('coordinator > internet:8080');
    expect(pairs).toContain('coordinator > api:443');
    expect(pairs).not.toContain('coordinator > database:5432');
  });

  test('networkPolicy.logServers keeps it from all others on that port', () => {
    const database = { url: 'postgres://r@10.20.0.7:5432/results' };
    const policies = (logServers: object[]) =>
      render(log('postgres', database, { logServers }))
        .filter(({ kind }) => kind === 'NetworkPolicy')
        .map((one) => ({ ...one, metadata: { namespace: HOME, ...one.metadata } }));
    const coordinator = pod(HOME, {
      'app.kubernetes.io/name': 'ridgepoint',
      'app.kubernetes.io/instance': 'rp',
      'app.kubernetes.io/component': 'coordinator',
    });
    const named = policies([{ ipBlock: { cidr: '10.20.0.0/16', except: ['10.20.1.0/24'] } }]);
    expect(mayReach(named, coordinator, outside('10.20.0.7'), 5432)).toBe(true);
    expect(mayReach(named, coordinator, outside('10.20.1.7'), 5432)).toBe(false);
    expect(mayReach(named, coordinator, outside('10.21.0.7'), 5432)).toBe(false);
    expect(mayReach(policies([]), coordinator, outside('10.21.0.7'), 5432)).toBe(true);
  });
});

describe.skipIf(!hasHelm)('several coordinators (needs helm)', () => {
  test('are drained one at a time and spread over nodes, also where no value says so', () => {
    const manifests = renderOnce('several-coordinators-values.yaml');
    expect(only(manifests, 'PodDisruptionBudget').spec.maxUnavailable).toBe(1);
    const { template, selector } = only(manifests, 'StatefulSet').spec;
    expect(template.spec.topologySpreadConstraints).toEqual([
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: selector,
      },
    ]);
    const alone = renderOnce('postgres-values.yaml');
    expect(alone.some(({ kind }) => kind === 'PodDisruptionBudget')).toBe(false);
    expect(only(alone, 'StatefulSet').spec.template.spec).not.toHaveProperty('topologySpreadConstraints');
  });
});
