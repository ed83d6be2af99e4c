import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RIDGE, ROOT } from '../ridge.js';
import type { Anything, KubeApi } from './api.js';

/** What a pod's container has become. */
export interface Launched {
  /** `SIGTERM` lets it finish what it runs. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Its exit code; null = it was killed. */
  readonly ended: Promise<number | null>;
}

/** @param words its arguments @param log a file for what it says */
export type Launch = (words: readonly string[], env: Record<string, string>, log: string) => Launched;

/** As a user has it: `ridge` in a process of its own. */
const launchRidge: Launch = (words, env, log) => {
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, [RIDGE, ...words], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', RIDGE_ROOFS: 'off', ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  return {
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) => child.once('close', resolve)),
  };
};

interface Pod {
  readonly folder: string;
  running: Launched | null;
  ending: Promise<void> | null;
}

const POLL_MILLISECONDS = 150;

/**
 * One node's kubelet, as far as agents go: it looks for pods that the scheduler has bound to its node, lays
 * their volumes out in a folder, starts their container's words as `ridge` here, tells the phase, and ends
 * them with the grace that they have. Paths of mounts in words and variables become those of the folder, for
 * there is no container.
 */
export class Kubelet {
  readonly name: string;
  readonly #api: KubeApi;
  readonly #folder: string;
  readonly #launch: Launch;
  readonly #pods = new Map<string, Pod>();
  readonly #over = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** What the API server refused. */
  readonly trouble: string[] = [];
  /** Names of pods that were started, in order. */
  readonly started: string[] = [];
  /** The most that ran at once. */
  most = 0;

  private constructor(api: KubeApi, name: string, folder: string, launch: Launch) {
    this.#launch = launch;
    this.#api = api;
    this.name = name;
    this.#folder = join(folder, `kubelet-${name}`);
  }

  /** @param capacity what the node has of each resource, as `{ 'nvidia.com/gpu': '2' }` */
  static async join(
    api: KubeApi,
    name: string,
    folder: string,
    capacity: Record<string, string>,
    labels: Record<string, string> = {},
    launch = launchRidge,
  ): Promise<Kubelet> {
    const kubelet = new Kubelet(api, name, folder, launch);
    const all = { cpu: '64', memory: '256Gi', pods: '500', 'ephemeral-storage': '500Gi', ...capacity };
    const metadata = { name, labels: { 'kubernetes.io/hostname': name, ...labels } };
    await api.ask('POST', api.path('Node'), { apiVersion: 'v1', kind: 'Node', metadata });
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: new Date().toISOString() },
    ];
    await api.merge('Node', name, { status: { capacity: all, allocatable: all, conditions } }, '/status');
    kubelet.#running = kubelet.#run();
    return kubelet;
  }

  /** Kills every agent without a word, as a node that goes dark. */
  kill(): void {
    for (const { running } of this.#pods.values()) running?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
    this.kill();
  }

  /** What the agents of a node said, the last lines of each. */
  said(): string {
    return [...this.#pods.values()]
      .map(({ folder }) => join(folder, 'log'))
      .filter(existsSync)
      .map((path) => readFileSync(path, 'utf8').split('\n').slice(-8).join('\n'))
      .join('\n--\n');
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      // An API server that restarts is waited for.
      await this.#look().catch(() => undefined);
      await sleep(POLL_MILLISECONDS, undefined, { signal: this.#over.signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${this.name}`;
    const { items } = await this.#api.ask('GET', path);
    for (const pod of items as Anything[]) {
      const known = this.#pods.get(pod.metadata.uid);
      if (pod.metadata.deletionTimestamp !== undefined) await this.#end(pod, known);
      else if (known === undefined) await this.#start(pod);
    }
  }

  async #start(pod: Anything): Promise<void> {
    const { uid, name, namespace } = pod.metadata;
    const folder = join(this.#folder, uid);
    const one: Pod = { folder, running: null, ending: null };
    this.#pods.set(uid, one);
    const [container] = pod.spec.containers;
    const places = await this.#layOut(pod, container, folder);
    const here = (text: string) => places.reduce((now, [from, to]) => now.replaceAll(from, to), text);
    const env = Object.fromEntries(
      (container.env ?? []).map(({ name: key, value, valueFrom }: Anything) => {
        const field = valueFrom?.fieldRef?.fieldPath as string | undefined;
        const found = field === undefined ? here(value ?? '') : field === 'metadata.name' ? name : this.name;
        return [key, found];
      }),
    );
    const launched = this.#launch((container.args ?? []).map(here), env, join(folder, 'log'));
    one.running = launched;
    this.started.push(name);
    const alive = [...this.#pods.values()].filter(({ running }) => running !== null).length;
    this.most = Math.max(this.most, alive);
    void launched.ended.then((code) => {
      one.running = null;
      return this.#ended(pod, code);
    });
    await this.#tell(namespace, name, 'Running', { running: { startedAt: new Date().toISOString() } });
  }

  /** @returns each mount's path with the one that stands for it, the longest first. */
  async #layOut(pod: Anything, container: Anything, folder: string): Promise<[string, string][]> {
    const { namespace } = pod.metadata;
    mkdirSync(folder, { recursive: true });
    for (const volume of (pod.spec.volumes ?? []) as Anything[]) {
      const path = join(folder, volume.name);
      if (volume.hostPath !== undefined) {
        symlinkSync(volume.hostPath.path, path);
        continue;
      }
      mkdirSync(path, { recursive: true });
      const kind =
        volume.secret !== undefined ? 'Secret' : volume.configMap !== undefined ? 'ConfigMap' : null;
      if (kind === null) continue;
      const source = volume.secret ?? volume.configMap;
      const { data } = await this.#api.get(kind, source.secretName ?? source.name, namespace);
      const items = source.items ?? Object.keys(data).map((key) => ({ key, path: key }));
      for (const item of items as Anything[]) {
        const text = data[item.key];
        const content = kind === 'Secret' ? Buffer.from(text, 'base64') : text;
        mkdirSync(dirname(join(path, item.path)), { recursive: true });
        writeFileSync(join(path, item.path), content);
      }
    }
    const mounts = (container.volumeMounts ?? []) as Anything[];
    return mounts
      .filter(({ mountPath }) => mountPath !== '/tmp')
      .map(({ name, mountPath }): [string, string] => [mountPath, join(folder, name)])
      .sort(([a], [b]) => b.length - a.length);
  }

  async #end(pod: Anything, known: Pod | undefined): Promise<void> {
    const { name, namespace, uid, deletionGracePeriodSeconds = 30 } = pod.metadata;
    if (known?.ending) return;
    const gone = async () => {
      const now = { gracePeriodSeconds: 0, preconditions: { uid } };
      // Refused where its status was told at the same moment: the next look asks again.
      await this.#api
        .delete('Pod', name, namespace, now)
        .catch((error: unknown) => this.trouble.push(`${error}`));
      if (known !== undefined) known.ending = null;
    };
    const running = known?.running ?? null;
    if (known === undefined || running === null) {
      await gone();
      return;
    }
    running.kill('SIGTERM');
    const grace = setTimeout(() => running.kill('SIGKILL'), deletionGracePeriodSeconds * 1000);
    known.ending = running.ended.then(() => {
      clearTimeout(grace);
      return gone();
    });
  }

  async #ended(pod: Anything, code: number | null): Promise<void> {
    const { name, namespace } = pod.metadata;
    const terminated = { exitCode: code ?? 137, reason: code === 0 ? 'Completed' : 'Error' };
    await this.#tell(namespace, name, code === 0 ? 'Succeeded' : 'Failed', { terminated }).catch(
      () => undefined,
    );
  }

  async #tell(namespace: string, name: string, phase: string, state: object): Promise<void> {
    const ready = phase === 'Running';
    const now = new Date().toISOString();
    const containerStatuses = [
      { name: 'agent', state, ready, restartCount: 0, image: 'here', imageID: 'here', started: ready },
    ];
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: now }];
    await this.#api.merge(
      'Pod',
      name,
      { status: { phase, startTime: now, containerStatuses, conditions } },
      '/status',
      namespace,
    );
  }
}
