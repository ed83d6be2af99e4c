import { setTimeout as sleep } from 'node:timers/promises';
import { parseLease } from '../../../proto/convert.js';
import { FakeAgent } from '../../support/fake-agent.js';
import type { Lab } from '../../support/kubernetes/lab.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { OperatorProcess } from './processes.js';

const AGENTS = 4;
const MOST_SECONDS = 600;

/** Many Sweeps at once, one point each, measured by agents that were there before. */
export async function many(
  lab: Lab,
  count: number,
): Promise<{ complete: number; seconds: number; megabytes: number; bytes: number }> {
  const stop = new AbortController();
  const agents = Array.from({ length: AGENTS }, (_, i) => measure(lab, `pool-${i}`, stop.signal));
  const namespace = 'many';
  await lab.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const settings = {
    coordinator: lab.coordinator.grpcAddress,
    namespaces: [namespace],
    lease: { namespace, seconds: 5 },
  };
  const operator = new OperatorProcess(lab.plane.kubeconfig('admin'), settings);
  try {
    const begun = performance.now();
    for (let i = 0; i < count; i += 1) {
      const name = `many-${i}`;
      const { sweep } = lab.object(name, {}, [300_000 + i]).spec;
      const object = lab.object(name);
      await lab.api.apply({ ...object, metadata: { name, namespace }, spec: { sweep } } as typeof object);
    }
    const complete = async () =>
      (await lab.api.list('Sweep', namespace)).filter(({ status }) => status?.progress === '1/1').length;
    // To list hundreds of objects is work for the API server, too.
    for (let looks = 0; looks < MOST_SECONDS / 3 && (await complete()) < count; looks += 1) await sleep(3000);
    const seconds = (performance.now() - begun) / 1000;
    const largest = (await lab.api.list('Sweep', namespace)).map(
      (object) => JSON.stringify(object.status ?? {}).length,
    );
    return {
      complete: await complete(),
      seconds,
      megabytes: operator.peakMegabytes(),
      bytes: Math.max(...largest),
    };
  } finally {
    stop.abort();
    await Promise.all(agents);
    await operator.stop('SIGKILL');
  }
}

async function measure(lab: Lab, name: string, stop: AbortSignal): Promise<void> {
  const profile = aNode(name);
  const { agent } = await FakeAgent.join(lab.coordinator.grpcAddress, { profile });
  // Whenever work comes, a coordinator says so unasked: what counts is the next lease, not the next answer.
  let next = agent.hear('lease').catch(() => null);
  while (!stop.aborted) {
    await agent.say({ $case: 'leaseRequest', value: { deviceId: 'cpu0' } });
    const granted = await Promise.race([next, sleep(300, null)]);
    if (granted === null) continue;
    await agent.answerTo(aRecord(parseLease(granted.leaseJson), profile));
    next = agent.hear('lease').catch(() => null);
  }
  agent.vanish();
}
