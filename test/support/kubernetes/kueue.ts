import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../operator/kubernetes/objects.js';
import { freePort, until } from '../services.js';
import { Authority } from '../tls.js';
import type { Anything } from './api.js';
import { type ControlPlane, hasKubernetes } from './control-plane.js';

/** Where scripts/install-kubernetes-test-services.sh puts it, and what it needs of the machine. */
const FOLDER = '/opt/ridgepoint-kubernetes/kueue-0.17.0';
const METRICS_CERTIFICATE = '/etc/kueue/metrics/certs/tls.crt';

export const hasKueue = hasKubernetes && existsSync(join(FOLDER, 'kueue')) && existsSync(METRICS_CERTIFICATE);

/** Kinds that its webhooks are asked about here; it has others, of jobs that are not installed. */
const HOOKED = /-(job|clusterqueue|cohort|resourceflavor|workload)$/;

/**
 * The real controller of Kueue with its webhooks, and one queue of GPUs that the namespace `bench` may use.
 */
export class Kueue {
  readonly #spawn: () => ChildProcess;
  #child: ChildProcess;

  private constructor(begin: () => ChildProcess) {
    this.#spawn = begin;
    this.#child = begin();
  }

  /** @param gpus that may be in use at once @param labels of the nodes that have them */
  static async start(plane: ControlPlane, gpus: number, labels: Record<string, string>): Promise<Kueue> {
    const folder = join(plane.folder, 'kueue');
    mkdirSync(folder);
    const authority = new Authority(folder, 'kueue-ca');
    const serving = authority.issue('kueue');
    copyFileSync(serving.certificateFile, join(folder, 'tls.crt'));
    copyFileSync(serving.keyFile, join(folder, 'tls.key'));
    const [health, hooks] = [await freePort(), await freePort()];
    for (const file of readdirSync(join(FOLDER, 'bases')))
      await plane.api.apply(parse(readFileSync(join(FOLDER, 'bases', file), 'utf8')) as KubeObject);
    const log = join(folder, 'kueue.log');
    const output = openSync(log, 'a');
    const config = join(folder, 'config.yaml');
    writeFileSync(config, JSON.stringify(configuration(health, hooks, folder)));
    const words = [`--config=${config}`, '--feature-gates=VisibilityOnDemand=false'];
    const env = { ...process.env, KUBECONFIG: plane.kubeconfig('admin') };
    const begin = () =>
      spawn(join(FOLDER, 'kueue'), words, { env, cwd: folder, stdio: ['ignore', output, output] });
    const kueue = new Kueue(begin);
    try {
      await until(
        'Kueue to be ready',
        async () => {
          // It ends where it is not told yet of its own kinds, and is started again, as a kubelet does it.
          if (kueue.#child.exitCode !== null) kueue.#child = kueue.#spawn();
          return (await fetch(`http://127.0.0.1:${health}/readyz`)).ok ? true : null;
        },
        60,
      );
      for (const hook of webhooks(hooks, authority)) await plane.api.apply(hook);
      for (const object of queue(gpus, labels)) await until('its queue', () => plane.api.apply(object));
      return kueue;
    } catch (error) {
      await kueue.stop();
      const said = readFileSync(log, 'utf8').split('\n').slice(-15).join('\n');
      throw new Error(`${(error as Error).message}\n${said}`);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

const configuration = (health: number, port: number, certDir: string) => ({
  apiVersion: 'config.kueue.x-k8s.io/v1beta2',
  kind: 'Configuration',
  health: { healthProbeBindAddress: `127.0.0.1:${health}` },
  metrics: { bindAddress: '0' },
  webhook: { host: '127.0.0.1', port, certDir },
  leaderElection: { leaderElect: false },
  internalCertManagement: { enable: false },
  integrations: { frameworks: ['batch/job'] },
});

/** Those of its own manifest, at an address of this machine. */
function webhooks(port: number, authority: Authority): KubeObject[] {
  const manifest = readFileSync(join(FOLDER, 'manifests.yaml'), 'utf8');
  return parseAllDocuments(manifest).map((document) => {
    const configured = document.toJS() as KubeObject & { webhooks: Anything[] };
    const own = configured.webhooks.filter(({ clientConfig }) => HOOKED.test(clientConfig.service.path));
    return {
      ...configured,
      metadata: { name: `kueue-${configured.metadata.name}` },
      webhooks: own.map(({ clientConfig, ...hook }) => ({
        ...hook,
        clientConfig: {
          url: `https://127.0.0.1:${port}${clientConfig.service.path}`,
          caBundle: authority.ca.toString('base64'),
        },
      })),
    };
  });
}

function queue(gpus: number, nodeLabels: Record<string, string>): KubeObject[] {
  const apiVersion = 'kueue.x-k8s.io/v1beta2';
  const flavors = [{ name: 'gpus', resources: [{ name: 'nvidia.com/gpu', nominalQuota: gpus }] }];
  const objects = [
    { apiVersion, kind: 'ResourceFlavor', metadata: { name: 'gpus' }, spec: { nodeLabels } },
    {
      apiVersion,
      kind: 'ClusterQueue',
      metadata: { name: 'gpus' },
      spec: {
        namespaceSelector: {},
        preemption: { withinClusterQueue: 'LowerPriority' },
        resourceGroups: [{ coveredResources: ['nvidia.com/gpu'], flavors }],
      },
    },
    {
      apiVersion,
      kind: 'LocalQueue',
      metadata: { name: 'gpus', namespace: 'bench' },
      spec: { clusterQueue: 'gpus' },
    },
  ];
  return objects as KubeObject[];
}
