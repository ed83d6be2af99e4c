import { setTimeout as sleep } from 'node:timers/promises';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { KubeClient, type KubeError } from '../../../operator/kubernetes/client.js';
import { SWEEPS } from '../../../operator/sweep/definition.js';
import type { Lab } from '../../support/kubernetes/lab.js';
import { until } from '../../support/services.js';
import { OperatorProcess } from './processes.js';

const settingsOf = (lab: Lab, namespace = 'bench', seconds = 2) => ({
  coordinator: lab.coordinator.grpcAddress,
  namespaces: [namespace],
  lease: { namespace, seconds },
  pollSeconds: 0.2,
});

/** More than are measured while something is gone: two agents measure about fifteen a second. */
const POINTS = 300;

let point = 200_000;
const lengths = (count: number) => Array.from({ length: count }, () => (point += 1));

/** @returns how often points count that do not count once. */
async function wrongCounts(lab: Lab, sweepId: string, points: number): Promise<number> {
  const counts = [...(await lab.counted(sweepId)).values()];
  return Math.abs(points - counts.length) + counts.filter((count) => count !== 1).length;
}

/** @returns what a watch from that version is answered; null = that the server is not ready yet. */
async function answerTo(client: KubeClient, resourceVersion: string): Promise<number | null> {
  try {
    const watch = client.watch(SWEEPS, 'bench', '', resourceVersion, AbortSignal.timeout(10_000));
    for await (const event of watch)
      return event.type === 'ERROR' ? (event.object as unknown as { code: number }).code : 200;
    return 200;
  } catch (error) {
    const { status } = error as KubeError;
    return status === 429 ? null : status;
  }
}

/**
 * An operator is frozen while its Sweep is edited, etcd forgets what came before, and the API server begins
 * anew.
 */
export async function compaction(lab: Lab): Promise<{ status: number; wrong: number }> {
  const client = new KubeClient(lab.plane.access('admin'));
  const operator = new OperatorProcess(lab.plane.kubeconfig('admin'), settingsOf(lab));
  try {
    await lab.api.apply(lab.object('compacted', {}, lengths(POINTS)));
    const { sweepId } = await lab.says('compacted', 'Running', 'True');
    const { resourceVersion } = await client.list(SWEEPS, 'bench', '');
    operator.signal('SIGSTOP');
    await lab.api.merge('Sweep', 'compacted', { spec: { suspend: true } });
    for (let i = 0; i < 200; i += 1)
      await lab.api.merge('Sweep', 'compacted', { metadata: { annotations: { edit: `${i}` } } });
    await lab.plane.stopApiServer();
    await lab.plane.compact();
    await lab.plane.startApiServer();
    const status = await until('the watch to be answered', () => answerTo(client, resourceVersion), 30);
    operator.signal('SIGCONT');
    await lab.says('compacted', 'Running', 'Paused');
    await lab.api.merge('Sweep', 'compacted', { spec: { suspend: false } });
    await lab.says('compacted', 'Complete', 'True', 90);
    return { status, wrong: await wrongCounts(lab, sweepId!, POINTS) };
  } finally {
    client.close();
    await operator.stop('SIGKILL');
  }
}

/** The API server is gone for some seconds while agents measure. */
export async function restart(lab: Lab): Promise<number> {
  const operator = new OperatorProcess(lab.plane.kubeconfig('admin'), settingsOf(lab));
  try {
    await lab.api.apply(lab.object('restarted', {}, lengths(POINTS)));
    const { sweepId } = await lab.says('restarted', 'Running', 'True');
    await lab.plane.stopApiServer();
    await sleep(5000);
    await lab.plane.startApiServer();
    await lab.says('restarted', 'Complete', 'True', 90);
    return await wrongCounts(lab, sweepId!, POINTS);
  } finally {
    await operator.stop();
  }
}

/**
 * Of two operators the one that leads is killed, then frozen for longer than its lease.
 * @returns wrong counts, seconds until the other led.
 */
export async function leaders(lab: Lab): Promise<{ wrong: number; seconds: number }> {
  const [one, other] = [0, 1].map(() => new OperatorProcess(lab.plane.kubeconfig('admin'), settingsOf(lab)));
  const holder = async () =>
    (await lab.api.find('Lease', 'ridgepoint-operator'))?.spec.holderIdentity as string;
  try {
    await lab.api.apply(lab.object('led', {}, lengths(POINTS)));
    const { sweepId } = await lab.says('led', 'Running', 'True');
    const first = await holder();
    // Which of the two that is nobody says: both are struck, one after the other.
    const begun = performance.now();
    one!.signal('SIGKILL');
    await sleep(500);
    other!.signal('SIGSTOP');
    await until('another one to lead', async () => ((await holder()) !== first ? true : null), 30);
    const seconds = (performance.now() - begun) / 1000;
    other!.signal('SIGCONT');
    await lab.says('led', 'Complete', 'True', 90);
    return { wrong: await wrongCounts(lab, sweepId!, POINTS), seconds };
  } finally {
    await Promise.all([one!.stop(), other!.stop()]);
  }
}

/**
 * People who apply, suspend, cancel, take back and delete in a hurry, by seed.
 * @returns what is not as the objects say at the end.
 */
export async function races(lab: Lab, seed: number): Promise<string[]> {
  const generator = xoroshiro128plus(seed);
  const random = () => (generator.next() >>> 0) / 2 ** 32;
  const names = Array.from({ length: 5 }, (_, i) => `race-${seed}-${i}`);
  const points = new Map(names.map((name) => [name, lengths(3)]));
  const operator = new OperatorProcess(lab.plane.kubeconfig('admin'), settingsOf(lab));
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  try {
    for (let i = 0; i < 60; i += 1) {
      const name = pick(names);
      const act = pick([
        () => lab.api.apply(lab.object(name, {}, points.get(name))),
        () => lab.api.merge('Sweep', name, { spec: { suspend: random() < 0.5 } }),
        () => lab.api.merge('Sweep', name, { spec: { cancel: random() < 0.5 } }),
        () => lab.api.delete('Sweep', name),
        async () => operator.signal(random() < 0.3 ? 'SIGKILL' : 'SIGCONT'),
      ]);
      // What is not there, or goes, can be refused.
      await act().catch(() => undefined);
      await sleep(random() * 150);
    }
    const left = (await lab.api.list('Sweep')).filter(({ metadata }) => names.includes(metadata.name));
    const wrong: string[] = [];
    for (const { metadata, spec } of left) {
      if (metadata.deletionTimestamp !== undefined) continue;
      const word = spec.cancel
        ? ['Cancelled', 'Finished', 'NotStarted']
        : spec.suspend
          ? ['Paused', 'Finished']
          : ['Finished'];
      await until(`${metadata.name} to be ${word}`, async () => {
        const { conditions = [] } = await lab.status(metadata.name);
        return word.includes(conditions.find(({ type }) => type === 'Running')?.reason ?? '') ? true : null;
      }).catch((error: unknown) => wrong.push((error as Error).message));
    }
    const there = new Set(
      left
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata.name),
    );
    await until('Jobs of what is gone to go', async () => {
      const jobs = await lab.api.list('Job');
      return jobs.some(({ metadata }) => metadata.name.startsWith(`race-${seed}-`)) ? null : true;
    }).catch((error: unknown) => wrong.push((error as Error).message));
    const { sweeps } = await lab.control.listSweeps();
    for (const { name, state } of sweeps)
      if (names.includes(name) && !there.has(name) && (state === 1 || state === 5))
        wrong.push(`${name} is open, and has no object`);
    return wrong;
  } finally {
    await operator.stop();
    for (const name of names) await lab.api.delete('Sweep', name).catch(() => undefined);
  }
}
