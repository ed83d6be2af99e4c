import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentFileSchema } from '../../agent/config.js';
import { coordinatorConfigSchema } from '../../coordinator/config.js';
import { CHART, CI_FILES, hasHelm, helm } from '../support/helm.js';

const digest = (text: string) => ({ images: { cpu: { digest: text } } });
const profile = (name: string, fields: object) => ({ agent: { profiles: { [name]: fields } } });

/** Values that cannot be, where the refusal says they are, and its sentence. */
type Refused = readonly [what: string, values: object, where: string, sentence: string];

/** What the schema says of each; it says all at once. */
const BY_SCHEMA: readonly Refused[] = [
  ['no replica', { coordinator: { replicas: 0 } }, '/coordinator/replicas', 'minimum: got 0, want 1'],
  [
    'plain text',
    { security: { authentication: 'plaintext' } },
    '/security/authentication',
    'the programs speak plain text on loopback alone',
  ],
  [
    'a token as a value',
    { security: { tokens: { agent: 'abcdefghijklmnop' } } },
    '/security/tokens',
    "additional properties 'agent' not allowed",
  ],
  [
    'a key as a value',
    { security: { certificates: { key: '-----BEGIN' } } },
    '/security/certificates',
    "additional properties 'key' not allowed",
  ],
  [
    'a scope that is none',
    { security: { grants: [{ commonName: 'a', scopes: ['owner'] }] } },
    '/security/grants/0/scopes/0',
    "value must be one of 'agent', 'submit', 'read', 'admin'",
  ],
  [
    'a name with a letter too many',
    { coordinatorr: {} },
    "''",
    "additional properties 'coordinatorr' not allowed",
  ],
  [
    'a field of the program that there is not',
    { coordinator: { config: { leaseSecs: 3 } } },
    '/coordinator/config',
    "additional properties 'leaseSecs' not allowed",
  ],
  [
    'a log in memory',
    { coordinator: { log: { kind: 'memory' } } },
    '/coordinator/log/kind',
    'a log in memory forgets every sweep with its pod',
  ],
  [
    'a server without nats://',
    { coordinator: { log: { jetstream: { servers: ['nats:4222'] } } } },
    '/coordinator/log/jetstream/servers/0',
    'an address such as nats://nats.example:4222',
  ],
  [
    'a size in words',
    { coordinator: { persistence: { size: 'large' } } },
    '/coordinator/persistence/size',
    "'large' does not match pattern",
  ],
  [
    'a host name to listen on',
    { coordinator: { listen: 'localhost' } },
    '/coordinator/listen',
    'an IPv4 address such as 0.0.0.0, or an IPv6 address in brackets',
  ],
  [
    'a short digest',
    digest('sha256:abc'),
    '/images/cpu/digest',
    'a digest is sha256: and 64 hexadecimal digits',
  ],
  ['a tag as a digest', digest('v1'), '/images/cpu/digest', 'a digest is sha256: and 64 hexadecimal digits'],
  [
    'a GPU without its maker',
    profile('gpu', { enabled: true, gpu: { resource: 'gpu' } }),
    '/agent/profiles/gpu/gpu/resource',
    'the name that a device plugin gave, such as nvidia.com/gpu',
  ],
  [
    'half a GPU',
    profile('gpu', { enabled: true, gpu: { count: 0.5 } }),
    '/agent/profiles/gpu/gpu/count',
    'got number, want integer',
  ],
  ['a profile in capitals', profile('GPU', { enabled: true }), "''", "invalid propertyName 'GPU'"],
  [
    'a profile that says neither on nor off',
    profile('mine', {}),
    '/agent/profiles/mine',
    "missing property 'enabled'",
  ],
  [
    'an energy source that there is not',
    { agent: { config: { meters: { energy: 'rapl' } } } },
    '/agent/config/meters/energy',
    "value must be one of 'auto', 'none'",
  ],
  [
    'downloads over plain HTTP',
    { agent: { config: { sources: { https: ['http://models/'] } } } },
    '/agent/config/sources/https/0',
    'the beginning of addresses: https://',
  ],
  [
    'two kinds of volume',
    { agent: { cache: { volume: { emptyDir: {}, hostPath: { path: '/x' } } } } },
    '/agent/cache/volume',
    'maxProperties: got 2, want 1',
  ],
  ['root', { podSecurity: { user: 0 } }, '/podSecurity/user', 'not 0: nothing of Ridgepoint runs as root'],
  [
    'an interval without a unit',
    { monitoring: { podMonitor: { interval: '15' } } },
    '/monitoring/podMonitor/interval',
    'a time such as 720h, 30m or 15s',
  ],
  [
    'a namespace in capitals',
    { operator: { coordinatorNamespaces: { bench: 'Team A' } } },
    '/operator/coordinatorNamespaces/bench',
    'a namespace of the coordinator: small letters, digits, dots and dashes, 63 at most',
  ],
  [
    'a path as an authority',
    { operator: { webhook: { caBundle: 'ca.crt' } } },
    '/operator/webhook/caBundle',
    'the PEM text of an authority, which begins with -----BEGIN CERTIFICATE-----',
  ],
  [
    'a number as text',
    { coordinator: { service: { port: '7117' } } },
    '/coordinator/service/port',
    'got string, want integer',
  ],
];

/** What one field cannot know of another: templates say the first. */
const BY_TEMPLATES: readonly Refused[] = [
  [
    'several coordinators on one file',
    { coordinator: { replicas: 3 } },
    'coordinator.replicas',
    'a SQLite file has one coordinator; set coordinator.log.kind to postgres or jetstream for several.',
  ],
  [
    'leases shorter than two heartbeats',
    { coordinator: { config: { leaseSeconds: 6 } } },
    'coordinator.config.leaseSeconds',
    'it is less than two heartbeats, so one lost heartbeat would end a trial; raise it or lower heartbeatSeconds.',
  ],
  [
    'existing certificates without names',
    { security: { certificates: { from: 'existing', existing: { coordinator: 'c' } } } },
    'security.certificates.existing.agent',
    'name the Secret with tls.crt, tls.key and ca.crt',
  ],
  [
    'a webhook without its certificate',
    {
      operator: { enabled: true, webhook: { enabled: true } },
      security: {
        certificates: { from: 'existing', existing: { coordinator: 'c', agent: 'a', operator: 'o' } },
      },
    },
    'security.certificates.existing.webhook',
    'operator.webhook.caBundle: give the authority of the webhook',
  ],
  [
    'an authority that is known',
    { operator: { webhook: { caBundle: '-----BEGIN CERTIFICATE-----' } } },
    'operator.webhook.caBundle',
    'leave it out, for certificates.from is self-made',
  ],
  [
    'some tokens of one’s own',
    { security: { authentication: 'token', tokens: { existing: { agent: 'a' } } } },
    'security.tokens.existing',
    'name all three Secrets (coordinator, agent, operator) or none',
  ],
  [
    'postgres without an address',
    { coordinator: { log: { kind: 'postgres' } } },
    'coordinator.log.postgres.url',
    'name the database',
  ],
  [
    'a policy that keeps the coordinator from its database',
    {
      coordinator: { log: { kind: 'postgres', postgres: { url: 'postgres://r@db.data.svc:5432/results' } } },
      networkPolicy: {
        logServers: [
          { podSelector: {} },
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'postgres' } } },
        ],
      },
    },
    'networkPolicy.logServers',
    'they keep the coordinator from its log on db.data.svc; name the namespace data, or leave the list empty.',
  ],
  [
    'jetstream without servers',
    { coordinator: { log: { kind: 'jetstream' } } },
    'coordinator.log.jetstream.servers',
    'name at least one NATS server',
  ],
  [
    'an Ingress that would keep certificates to itself',
    { coordinator: { web: { ingress: { enabled: true, host: 'a.example' } } } },
    'coordinator.web.ingress',
    "no reader's certificate gets through; set security.authentication to token",
  ],
  [
    'an Ingress without a host',
    { coordinator: { web: { ingress: { enabled: true } } } },
    'coordinator.web.ingress.host',
    'name the host that people type.',
  ],
  [
    'an Ingress behind a closed policy',
    {
      security: { authentication: 'token' },
      coordinator: { web: { ingress: { enabled: true, host: 'a.example' } } },
    },
    'networkPolicy.webClients',
    'name the pods of the Ingress controller',
  ],
  [
    'an Ingress to nothing',
    { coordinator: { web: { enabled: false, ingress: { enabled: true, host: 'a.example' } } } },
    'coordinator.web.ingress',
    'the web view, which is off',
  ],
  [
    'one port for two',
    { coordinator: { web: { port: 7117 } } },
    'coordinator.web.port',
    'gRPC has the same port of the Service',
  ],
  [
    'GPUs among the resources',
    profile('cpu', { enabled: true, resources: { limits: { 'nvidia.com/gpu': 1 } } }),
    'agent.profiles.cpu.resources.limits',
    'nvidia.com/gpu belongs into gpu.resource and gpu.count of the profile.',
  ],
  [
    'two model folders of one name',
    { agent: { models: ['a', 'a'].map((name) => ({ name, volume: { emptyDir: {} } })) } },
    'agent.models',
    'two folders are called a; each needs a name of its own.',
  ],
  [
    'accounts of nobody',
    { serviceAccounts: { create: false } },
    'serviceAccounts.',
    'name an account of yours, or leave serviceAccounts.create on.',
  ],
];

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @returns both in one; null = they say different things of a field. */
function merged(one: Fields, other: Fields): Fields | null {
  const all = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const here = all[key];
    const both =
      isFields(here) && isFields(value) ? merged(here, value) : (here ?? value) === value ? value : null;
    if (both === null) return null;
    all[key] = both;
  }
  return all;
}

/** @returns values of as many as do not contradict each other, in as few files as that takes. */
function inOneFile(all: readonly Refused[]): { values: Fields; refused: Refused[] }[] {
  const groups: { values: Fields; refused: Refused[] }[] = [];
  for (const one of all) {
    const own = one[1] as Fields;
    const group = groups.find(({ values }) => merged(values, own) !== null);
    if (group === undefined) groups.push({ values: own, refused: [one] });
    else {
      group.values = merged(group.values, own)!;
      group.refused.push(one);
    }
  }
  return groups;
}

/** Fields of the agent's configuration that the chart fills in itself. */
const AGENT_KNOWN = [
  'power',
  'nodeName',
  'coordinator',
  'tls',
  'tokenFile',
  'modelFolders',
  'cacheFolder',
  'stateFolder',
  'roofsFolder',
  'exporter',
  // What Jobs of the operator are given in other ways.
  'credentialsFolder',
  'onlySweep',
  // For nodes that are lent: Slurm's, or whoever starts an agent by hand.
  'gpus',
  'untilDone',
  'mostIdleSeconds',
];

describe.skipIf(!hasHelm)('what is refused (needs helm)', () => {
  test('by the schema, everything at once', () => {
    const groups = inOneFile(BY_SCHEMA);
    expect(groups.length).toBeLessThan(5);
    for (const { values, refused } of groups) {
      const { code, stderr } = helm('template', values);
      expect(code).not.toBe(0);
      for (const [what, , where, sentence] of refused) {
        expect(stderr, what).toContain(where);
        expect(stderr, what).toContain(sentence);
      }
    }
  });

  test.each(BY_TEMPLATES)('%s', (_what, values, where, sentence) => {
    const { code, stderr } = helm('template', values);
    expect(code).not.toBe(0);
    expect(stderr).toContain(where);
    expect(stderr).toContain(sentence);
  });
});

test('the schema knows every default value, and no object of it is open by accident', () => {
  type Schema = {
    properties?: Record<string, Schema>;
    additionalProperties?: unknown;
    $ref?: string;
    definitions?: Record<string, Schema>;
  };
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
  const missing: string[] = [];
  const walk = (value: unknown, at: Schema | undefined, path: string): void => {
    const here = at?.$ref === undefined ? at : schema.definitions?.[at.$ref.split('/').at(-1) ?? ''];
    if (here === undefined) missing.push(path);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    if (here?.properties === undefined) return;
    if (here.additionalProperties !== false) missing.push(`${path} is open`);
    for (const [key, child] of Object.entries(value)) walk(child, here.properties[key], `${path}.${key}`);
  };
  walk(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')), schema, 'values');
  expect(missing).toEqual([]);
  expect(CI_FILES.every((name) => name.endsWith('-values.yaml'))).toBe(true);
});

test('every field of the programs’ configuration files is a value, or known better by the chart', () => {
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
  const fieldsOf = (given: object) => Object.keys(given);
  const agent = [...fieldsOf(schema.definitions.agentConfig.properties), ...AGENT_KNOWN];
  expect(agent.sort()).toEqual(fieldsOf(agentFileSchema.shape).sort());
  const config = schema.properties.coordinator.properties.config.properties;
  const coordinator = [...fieldsOf(config), 'grpcAddress', 'metricsAddress', 'webAddress', 'log', 'security'];
  expect(coordinator.sort()).toEqual(fieldsOf(coordinatorConfigSchema.shape).sort());
});

describe.skipIf(!hasHelm)('docs/helm.md (needs helm)', () => {
  const page = readFileSync(join(CHART, '../../docs/helm.md'), 'utf8');

  test('each block of values renders', () => {
    const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) {
      const { code, stderr } = helm('template', parse(block) as object);
      expect(code, `${block}${stderr}`).toBe(0);
    }
  });

  test('each --set is a value of the chart', () => {
    const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
    const set = [...page.matchAll(/--set ([\w.]+)=/g)].map(([, path = '']) => path);
    expect(set.length).toBeGreaterThan(3);
    for (const path of set) {
      let at: unknown = defaults;
      for (const key of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[key];
      expect(at, path).toBeDefined();
    }
  });
});
