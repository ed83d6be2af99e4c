import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../../support/kubernetes/lab.js';
import { until } from '../../support/services.js';
import { type Kill, OperatorProcess } from './processes.js';

/** Each step of a Sweep's life, and how often it comes. */
const STEPS = [
  { step: 'hold', times: 1 },
  { step: 'submit', times: 1 },
  { step: 'start-agent', times: 2 },
  { step: 'tell', times: 3 },
  { step: 'end-agent', times: 2 },
  { step: 'release', times: 1 },
] as const;

/** Twelve moments: before and after each of six steps; which time of a step goes by the seed. */
export function killsOf(seed: number): Kill[] {
  return STEPS.flatMap(({ step, times }) =>
    (['before', 'after'] as const).map((when) => ({ step, when, nth: 1 + (seed % times) })),
  );
}

/** What became of one Sweep, without what differs by time: the undisturbed run has to have the same. */
export interface Outcome {
  readonly progress: string | undefined;
  readonly conditions: string;
  /** Experiments of it, and how often each counts. */
  readonly counted: string;
  readonly jobsLeft: number;
  readonly stateAtTheEnd: string;
}

let made = 0;
const POINTS = 4;

/** One Sweep from `apply` to the end of `delete`, under an operator that is killed once (null = never). */
export async function life(
  lab: Lab,
  namespace: string,
  kill: Kill | null,
): Promise<Outcome & { kills: number }> {
  made += 1;
  const name = `life-${made}`;
  // Other points than all before: nothing is taken over from them.
  const lengths = Array.from({ length: POINTS }, (_, i) => 16 + made * POINTS + i);
  const lease = { namespace, seconds: 1 };
  const settings = {
    coordinator: lab.coordinator.grpcAddress,
    namespaces: [namespace],
    lease,
    pollSeconds: 0.2,
  };
  const operator = new OperatorProcess(lab.plane.kubeconfig('admin'), settings, kill);
  try {
    const object = lab.object(name, {}, lengths);
    await lab.api.apply({ ...object, metadata: { name, namespace } });
    const status = await until(
      `${name} to be complete`,
      async () => {
        const found = (await lab.api.get('Sweep', name, namespace)).status;
        const complete = found?.conditions?.some(
          ({ type, status: holds }: { type: string; status: string }) =>
            type === 'Complete' && holds === 'True',
        );
        return complete ? found : null;
      },
      90,
    );
    const counts = [...(await lab.counted(status.sweepId)).values()];
    await until('its Jobs to go', async () => ((await jobs(lab, namespace, name)) === 0 ? true : null));
    await lab.api.delete('Sweep', name, namespace);
    await until(
      'it to go',
      async () => ((await lab.api.find('Sweep', name, namespace)) === null ? true : null),
      60,
    );
    // One that is killed when all is done has just ended.
    for (let looks = 0; kill !== null && operator.kills === 0 && looks < 20; looks += 1) await sleep(100);
    const { sweeps } = await lab.control.listSweeps();
    return {
      progress: status.progress,
      conditions: status.conditions
        .map(({ type, status: holds, reason }: Record<string, string>) => `${type} ${holds} ${reason}`)
        .join(', '),
      counted: counts.join(' '),
      jobsLeft: await jobs(lab, namespace, name),
      stateAtTheEnd: `${sweeps.find(({ sweepId }) => sweepId === status.sweepId)?.state}`,
      kills: operator.kills,
    };
  } finally {
    await operator.stop();
  }
}

async function jobs(lab: Lab, namespace: string, name: string): Promise<number> {
  const all = await lab.api.list('Job', namespace);
  return all.filter(({ metadata }) => metadata.name.startsWith(`${name}-`)).length;
}
