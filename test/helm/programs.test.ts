import { X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentFileSchema } from '../../agent/config.js';
import { sharedFolder } from '../support/folder.js';
import { hasHelm, type Manifest, only, renderOnce } from '../support/helm.js';
import { startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { freePort, until } from '../support/services.js';

const folder = sharedFolder();

describe.skipIf(!hasHelm)('the programs take what the chart gives them (needs helm)', () => {
  test('values reach the programs', () => {
    const manifests = renderOnce('models-values.yaml');
    const agent = agentFileSchema.parse(parse(only(manifests, 'ConfigMap', '-agent-cpu').data['agent.yaml']));
    expect(agent).toMatchObject({
      artifactBytes: 150e9,
      modelFolders: ['/models/shared', '/models/local'],
      sources: {
        hf: ['google', 'TheBloke/Mistral-7B-GGUF'],
        maxBytes: 40e9,
        hfTokenFile: '/etc/ridgepoint/hub/token',
      },
      scorers: { 'exact-json': { command: ['/scorers/json'], timeoutSeconds: 5 } },
      runners: ['llama-cpp'],
      labels: { profile: 'cpu' },
      // The other fields of a group keep the chart's defaults.
      limits: { trialTimeoutSeconds: 3600 },
    });
    const log = parse(
      only(renderOnce('jetstream-values.yaml'), 'ConfigMap', '-coordinator').data['coordinator.yaml'],
    ).log;
    expect(log).toEqual({
      kind: 'jetstream',
      servers: ['tls://nats-0.nats:4222', 'tls://nats-1.nats:4222'],
      stream: 'RIDGEPOINT',
      replicas: 3,
      credentialsFile: '/etc/ridgepoint/nats/nats.creds',
    });
    const database = only(renderOnce('postgres-values.yaml'), 'ConfigMap', '-coordinator');
    expect(parse(database.data['coordinator.yaml']).log).toEqual({
      kind: 'postgres',
      url: 'postgres://ridgepoint@db.postgres:5432/results?schema=team_a&passwordFile=/etc/ridgepoint/postgres/password',
    });
    const gpu = parse(only(renderOnce('gpu-values.yaml'), 'ConfigMap', '-agent-gpu').data['agent.yaml']);
    expect(gpu.labels).toEqual({ pool: 'a100', profile: 'gpu' });
    const ipv6 = only(renderOnce('ipv6-values.yaml'), 'ConfigMap', '-coordinator').data['coordinator.yaml'];
    expect(parse(ipv6)).toMatchObject({
      grpcAddress: '[::]:7117',
      metricsAddress: '[::]:9464',
      webAddress: '[::]:7118',
    });
  });

  test('several coordinators are known by the names of their pods, to agents, tools and their certificate', () => {
    const manifests = renderOnce('several-coordinators-values.yaml');
    const coordinator = only(manifests, 'StatefulSet');
    const pods = only(manifests, 'Service', '-coordinator-pods').metadata.name;
    const hosts = [0, 1, 2].map((i) => `${coordinator.metadata.name}-${i}.${pods}.bench.svc`);
    const addresses = hosts.map((host) => `${host}:7117`).join(',');
    expect(coordinator.spec.replicas).toBe(3);
    expect(coordinator.spec.template.spec.containers[0].env).toEqual([
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'RIDGE_ADVERTISE', value: `$(POD_NAME).${pods}.bench.svc:7117` },
    ]);
    const agent = parse(only(manifests, 'ConfigMap', '-agent-cpu').data['agent.yaml']);
    expect(agent.coordinator).toBe(addresses);
    expect(only(manifests, 'Pod').spec.containers[0].args).toContain(`--coordinator=${addresses}`);
    const certificate = new X509Certificate(
      Buffer.from(only(manifests, 'Secret', '-coordinator-tls').data['tls.crt'], 'base64'),
    );
    for (const host of hosts) expect(certificate.checkHost(host)).toBeDefined();
    expect(certificate.checkHost(`other.${pods}.elsewhere.svc`)).toBeUndefined();
  });

  test.each(['default-values.yaml', 'token-values.yaml'])(
    '%s: a real coordinator and agent meet over the certificates that were rendered, and so does the test pod',
    async (file) => {
      const manifests = renderOnce(file);
      const home = join(folder, file);
      const coordinator = only(manifests, 'StatefulSet');
      const agent = only(manifests, 'DaemonSet');
      const pod = only(manifests, 'Pod');
      for (const one of [coordinator, agent, pod]) layOut(manifests, one, join(home, one.kind));
      const [grpc, metrics, web] = [await freePort(), await freePort(), await freePort()];

      const settings = at(
        home,
        coordinator,
        only(manifests, 'ConfigMap', '-coordinator').data['coordinator.yaml'],
      );
      settings.grpcAddress = `127.0.0.1:${grpc}`;
      settings.metricsAddress = `127.0.0.1:${metrics}`;
      settings.webAddress = `127.0.0.1:${web}`;
      const coordinatorFile = join(home, 'coordinator.yaml');
      writeFileSync(coordinatorFile, JSON.stringify(settings));
      const serving = startRidge(['coordinator', '--config', coordinatorFile]);

      const told = at(home, agent, only(manifests, 'ConfigMap', '-agent-cpu').data['agent.yaml']);
      // The name that agents really dial has to be one that the certificate is for.
      told.tls.serverName = told.coordinator.split(':')[0];
      told.coordinator = `127.0.0.1:${grpc}`;
      told.exporter = null;
      told.runners = ['fake'];
      told.roofs = 'off';
      const agentFile = join(home, 'agent.yaml');
      writeFileSync(agentFile, JSON.stringify(told));
      const working = startRidge(['agent', '--config', agentFile], {
        env: { RIDGE_NODE_NAME: 'worker-cpu' },
      });
      try {
        const words = (pod.spec.containers[0].args as string[]).map((word) =>
          word.startsWith('--coordinator=')
            ? `--coordinator=localhost:${grpc}`
            : word.replace('/etc/ridgepoint', join(home, 'Pod/etc/ridgepoint')),
        );
        let said = '';
        const nodes = await until('the agent to join', async () => {
          const { code, stdout, stderr } = await ridgeHere(words);
          said = stderr;
          return code === 0 && stdout.includes('worker-cpu') ? stdout : null;
        }).catch((error: Error) => {
          throw new Error([error.message, said, serving.stderr(), working.stderr()].join('\n'));
        });
        expect(nodes).toContain('"profile": "cpu"');
        expect((await fetch(`http://127.0.0.1:${metrics}/readyz`)).status).toBe(200);
        expect(serving.stderr()).toContain(`web view at https://127.0.0.1:${web}`);
        // The operator may not pose as an agent, nor may an agent submit.
        const asAgent = words.map((word) => word.replace(join(home, 'Pod'), join(home, 'DaemonSet')));
        expect((await ridgeHere(asAgent)).code).not.toBe(0);
      } finally {
        working.process.kill('SIGTERM');
        await working.ended;
        serving.process.kill('SIGTERM');
        await serving.ended;
      }
    },
    60_000,
  );
});

type Item = { key: string; path: string };

/** Writes what a pod's Secrets would be mounted as, below a folder. */
function layOut(manifests: readonly Manifest[], maker: Manifest, root: string): void {
  const spec = maker.kind === 'Pod' ? maker.spec : maker.spec.template.spec;
  for (const { name, mountPath } of spec.containers[0].volumeMounts as {
    name: string;
    mountPath: string;
  }[]) {
    mkdirSync(join(root, mountPath), { recursive: true });
    const volume = spec.volumes.find((one: { name: string }) => one.name === name);
    const sources = volume?.projected?.sources ?? (volume?.secret ? [{ secret: volume.secret }] : []);
    for (const { secret } of sources) {
      const held = only(manifests, 'Secret', secret.name ?? secret.secretName).data as Record<string, string>;
      const items: Item[] = secret.items ?? Object.keys(held).map((key) => ({ key, path: key }));
      for (const { key, path } of items) {
        const file = join(root, mountPath, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, Buffer.from(held[key] as string, 'base64'));
      }
    }
  }
}

/** A configuration with its paths below the folder that stands for the pod's root. */
// biome-ignore lint/suspicious/noExplicitAny: two configurations, changed field by field.
function at(home: string, maker: Manifest, text: string): any {
  const root = join(home, maker.kind);
  return parse(text.replace(/(: )(\/(?:etc|var)\/)/g, `$1${root}$2`));
}
