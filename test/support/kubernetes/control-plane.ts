import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Access, readKubeconfig } from '../../../operator/kubernetes/access.js';
import { freePort, installed, until } from '../services.js';
import { Authority, hasOpenssl } from '../tls.js';
import { KubeApi } from './api.js';

/** Where scripts/install-kubernetes-test-services.sh puts it. */
const PROGRAMS = '/opt/ridgepoint-kubernetes/1.36.3';

export const hasKubernetes =
  hasOpenssl &&
  installed('etcd') &&
  ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].every((name) =>
    existsSync(join(PROGRAMS, name)),
  );

/** Who may ask the API server, each by a token of its own name. */
const USERS = {
  admin: ['admin', 'system:masters'],
  kubelet: ['kubelet', 'system:masters'],
  'controller-manager': ['system:kube-controller-manager', 'system:masters'],
  scheduler: ['system:kube-scheduler', ''],
  operator: ['system:serviceaccount:bench:rp-ridgepoint-operator', 'system:serviceaccounts'],
  nobody: ['nobody', ''],
} as const;
export type User = keyof typeof USERS;

/**
 * A real etcd, kube-apiserver, kube-controller-manager and kube-scheduler on this machine, with RBAC; no
 * kubelet.
 */
export class ControlPlane {
  readonly folder = mkdtempSync(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ridgepoint-kubernetes-'),
  );
  readonly #children = new Map<string, ChildProcess>();
  #etcd = 0;
  #port = 0;
  #apiServer: readonly string[] = [];
  api!: KubeApi;

  static async start(): Promise<ControlPlane> {
    const plane = new ControlPlane();
    try {
      await plane.#begin();
      return plane;
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  /** What kubectl reads: the file of one user. */
  kubeconfig(user: User, server = `https://127.0.0.1:${this.#port}`): string {
    const path = join(this.folder, `${user}-${server.split(':').at(-1)}.kubeconfig`);
    const content = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user, namespace: 'bench' } }],
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': join(this.folder, 'ca.crt') } }],
      users: [{ name: user, user: { token: `token-of-${user}` } }],
    };
    writeFileSync(path, JSON.stringify(content));
    return path;
  }

  access(user: User): Access {
    return readKubeconfig(this.kubeconfig(user));
  }

  async restartApiServer(): Promise<void> {
    await this.#end('kube-apiserver');
    await this.#startApiServer();
  }

  async stopApiServer(): Promise<void> {
    await this.#end('kube-apiserver');
  }

  async startApiServer(): Promise<void> {
    await this.#startApiServer();
  }

  /** What etcd knew before is forgotten: whoever watches from an older version is told 410. */
  async compact(): Promise<void> {
    const ask = async (path: string, body: object) => {
      const response = await fetch(`http://127.0.0.1:${this.#etcd}/v3/kv/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return (await response.json()) as { header?: { revision?: string } };
    };
    const { header } = await ask('range', { key: 'AA==' });
    await ask('compaction', { revision: header?.revision ?? '1', physical: true });
  }

  /** The last lines of what a program said. */
  said(program: string): string {
    const path = join(this.folder, `${program}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-15).join('\n') : '';
  }

  async stop(): Promise<void> {
    for (const name of [...this.#children.keys()].reverse()) await this.#end(name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    const authority = new Authority(this.folder);
    const serving = authority.issue('kube-apiserver');
    const account = join(this.folder, 'account.key');
    execFileSync('openssl', ['genrsa', '-out', account, '2048'], { stdio: 'ignore' });
    const tokens = Object.entries(USERS).map(
      ([user, [name, group]]) => `token-of-${user},${name},${user},"${group}"`,
    );
    writeFileSync(join(this.folder, 'tokens.csv'), `${tokens.join('\n')}\n`);
    const [etcd, peers, port] = [await freePort(), await freePort(), await freePort()];
    [this.#etcd, this.#port] = [etcd, port];
    mkdirSync(join(this.folder, 'etcd'), { mode: 0o700 });
    const [clientUrl, peerUrl] = [`http://127.0.0.1:${etcd}`, `http://127.0.0.1:${peers}`];
    this.#spawn('etcd', 'etcd', [
      `--data-dir=${join(this.folder, 'etcd')}`,
      ...[`--listen-client-urls=${clientUrl}`, `--advertise-client-urls=${clientUrl}`],
      ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      ...[`--initial-cluster=default=${peerUrl}`, '--quota-backend-bytes=1000000000'],
    ]);
    this.#apiServer = [
      ...[`--etcd-servers=${clientUrl}`, '--etcd-compaction-interval=0', `--secure-port=${port}`],
      ...['--bind-address=127.0.0.1', '--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/24'],
      ...[`--tls-cert-file=${serving.certificateFile}`, `--tls-private-key-file=${serving.keyFile}`],
      ...['--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${account}`],
      ...[
        `--service-account-signing-key-file=${account}`,
        `--token-auth-file=${join(this.folder, 'tokens.csv')}`,
      ],
      // Nobody mounts tokens here, and nobody says that a node is ready.
      '--disable-admission-plugins=ServiceAccount,TaintNodesByCondition',
    ];
    await this.#startApiServer();
    this.#spawn('kube-controller-manager', join(PROGRAMS, 'kube-controller-manager'), [
      `--kubeconfig=${this.kubeconfig('controller-manager')}`,
      '--controllers=job-controller,garbage-collector-controller,namespace-controller',
      ...['--leader-elect=false', '--secure-port=0'],
    ]);
    this.#spawn('kube-scheduler', join(PROGRAMS, 'kube-scheduler'), [
      `--kubeconfig=${this.kubeconfig('scheduler')}`,
      ...['--leader-elect=false', '--secure-port=0'],
    ]);
  }

  async #startApiServer(): Promise<void> {
    this.#spawn('kube-apiserver', join(PROGRAMS, 'kube-apiserver'), this.#apiServer);
    this.api ??= new KubeApi(readKubeconfig(this.kubeconfig('admin')));
    const child = this.#children.get('kube-apiserver');
    await until(
      'kube-apiserver to be ready',
      async () => {
        if (child?.exitCode !== null) throw new Error(this.said('kube-apiserver'));
        return (await this.api.text('GET', '/readyz')) === 'ok' ? true : null;
      },
      120,
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${this.said('kube-apiserver')}`);
    });
  }

  #spawn(name: string, program: string, words: readonly string[]): void {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    this.#children.set(name, spawn(program, words, { stdio: ['ignore', log, log], cwd: this.folder }));
  }

  async #end(name: string): Promise<void> {
    const child = this.#children.get(name);
    this.#children.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}
