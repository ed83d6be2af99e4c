import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unpacked } from '../../cli/report/packed/container.js';
import { VERSION } from '../../process/package.js';
import { enter, start, withSweep } from '../support/coordinator.js';
import { sharedFolder } from '../support/folder.js';
import { ridgeHere } from '../support/ridge-here.js';
import { aHealth, aNode } from '../support/wire-records.js';

const folder = sharedFolder();

/** Each stands for one kind of secret. None occurs in a bundle. */
const SECRETS = {
  token: 'plainTokenValue0001',
  ours: 'ridge_0123456789abcdefghijklmnopqrstuvwxyz',
  pem: 'MC4CAQAwBQYDK2VwBCIEIPlantedPrivateKey',
  password: 'p4ss/w@rd-planted',
  user: 'dbuser-planted',
  bearer: 'bearer.planted-0123456789',
  header: 'header-planted-value',
  variable: 'variable-planted-value',
  comment: 'comment-planted-value',
  misspelt: 'misspelt-planted-value',
} as const;

const PEM = `-----BEGIN PRIVATE KEY-----\n${SECRETS.pem}\n-----END PRIVATE KEY-----`;

/** Makes a bundle. @returns its files, and what was printed. */
async function bundle(name: string, args: readonly string[], env = {}) {
  const file = join(folder, name);
  const { code, stdout, stderr } = await ridgeHere(['support-bundle', file, ...args], { env });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const files = unpacked(readFileSync(file));
  if (typeof files === 'string') throw new Error(files);
  return { files: new Map([...files].map(([path, bytes]) => [path, bytes.toString()])), stdout };
}

test('a bundle has what a running fleet says of itself', async () => {
  const coordinator = await start({ metricsAddress: '127.0.0.1:0' });
  await enter(coordinator.grpcAddress, { profile: aNode('one'), health: aHealth({ version: VERSION }) });
  const { sweepId } = await withSweep(coordinator, 2);
  const args = ['-c', coordinator.grpcAddress, '--metrics', coordinator.metricsUrl!];
  // Colors are for a terminal: the files of a bundle have none.
  const { files } = await bundle('running.tar.gz', args, { FORCE_COLOR: '1' });
  expect(JSON.parse(files.get('versions.json')!)).toMatchObject({
    command: { version: VERSION },
    coordinators: [{ version: VERSION, leads: true }],
    agents: [{ node: 'one', version: VERSION }],
  });
  expect(files.get('doctor.txt')).toMatch(/^ok {5}coordinators +1 answer/m);
  expect(JSON.parse(files.get('nodes.json')!)).toMatchObject([{ name: 'one', cordoned: null }]);
  const [sweep] = JSON.parse(files.get('sweeps.json')!);
  expect(sweep).toMatchObject({ sweepId, state: 'running', points: 2 });
  expect(sweep).not.toHaveProperty('names');
  expect(files.get('metrics.txt')).toMatch(/^ridgepoint_log_writable 1$/m);
  expect(files.get('contents.txt')).toMatch(/^missing {2}alerts\.json: no Prometheus is named/m);
});

test('what cannot be had is a line with the reason', async () => {
  const { files, stdout } = await bundle('alone.tar.gz', [
    ...['-c', '127.0.0.1:1', '--metrics', 'http://127.0.0.1:1/metrics'],
    ...['--prometheus', 'http://127.0.0.1:1'],
  ]);
  expect([...files.keys()]).toEqual(['contents.txt', 'versions.json']);
  expect(JSON.parse(files.get('versions.json')!)).toMatchObject({ coordinators: null, agents: null });
  for (const part of [
    'doctor.txt',
    'nodes.json',
    'sweeps.json',
    'metrics.txt',
    'alerts.json',
    'settings',
    'audit.jsonl',
  ])
    expect(stdout).toMatch(new RegExp(`^missing {2}${part}: \\w.+`, 'm'));
});

test('no secret that stands in settings, the audit log or the environment is in any file', async () => {
  const coordinator = await start();
  await enter(coordinator.grpcAddress, {
    profile: aNode('one', { absent: { 'runner fake': `Bearer ${SECRETS.bearer} was refused` } }),
  });
  const audit = join(folder, 'audit.jsonl');
  writeFileSync(
    audit,
    `${JSON.stringify({ action: 'submit', name: 'kept-name' })}\n` +
      `${JSON.stringify({ action: 'join', reason: `authorization: Bearer ${SECRETS.bearer}`, token: SECRETS.token })}\n`,
  );
  const url = `postgres://${SECRETS.user}:${SECRETS.password}@db.example:5432/ridge?password=${SECRETS.token}`;
  const coordinatorFile = join(folder, 'coordinator.yaml');
  writeFileSync(
    coordinatorFile,
    `# ${SECRETS.comment}
grpcAddress: 127.0.0.1:7117
log: { kind: postgres, url: "${url}" }
security:
  kind: token
  certificateFile: /etc/ridge/tls.crt
  keyFile: |
${PEM.replace(/^/gm, '    ')}
  tokensFile: /etc/ridge/tokens.yaml
  bearerr: ${SECRETS.misspelt}
exporter:
  push: [{ kind: otlp, url: "https://${SECRETS.user}:${SECRETS.password}@otel.example/v1/metrics" }]
audit: { file: ${audit} }
token: ${SECRETS.token}
`,
  );
  const agentFile = join(folder, 'agent.yaml');
  writeFileSync(
    agentFile,
    `nodeName: kept-node
labels: { note: "Bearer ${SECRETS.bearer}", other: ${SECRETS.ours}, key: ${JSON.stringify(PEM)} }
scorers: { one: { command: [score, --api-key, ${SECRETS.token}, "--auth-token=${SECRETS.token}"] } }
headers: { X-Anything: ${SECRETS.header} }
labelz: ${SECRETS.variable}
`,
  );
  const { files, stdout } = await bundle(
    'secrets.tar.gz',
    [
      ...['-c', coordinator.grpcAddress, '--config', coordinatorFile, agentFile],
      ...['--metrics', `http://${SECRETS.user}:${SECRETS.password}@127.0.0.1:1/${SECRETS.variable}`],
    ],
    { PLANTED_API_KEY: SECRETS.variable },
  );
  expect(files.get('settings/1-coordinator.yaml')).toContain('/etc/ridge/tokens.yaml');
  expect(files.get('settings/1-coordinator.yaml')).toContain('db.example:5432/ridge');
  expect(files.get('settings/2-agent.yaml')).toContain('kept-node');
  expect(files.get('audit.jsonl')).toContain('kept-name');
  expect(files.get('nodes.json')).toContain('was refused');
  for (const [kind, secret] of Object.entries(SECRETS))
    for (const [path, text] of [...files, ['what is printed', stdout]] as const)
      expect(text, `${kind} in ${path}`).not.toContain(secret);
});

test('a file that is no YAML is not shown', async () => {
  const file = join(folder, 'agent-broken.yaml');
  writeFileSync(file, `labels: { a: "${SECRETS.misspelt}\n`);
  const { files } = await bundle('broken.tar.gz', ['-c', '127.0.0.1:1', '--config', file]);
  expect(files.get('contents.txt')).toMatch(/^missing {2}settings\/1-agent-broken\.yaml: .+config check/m);
  for (const text of files.values()) expect(text).not.toContain(SECRETS.misspelt);
});
