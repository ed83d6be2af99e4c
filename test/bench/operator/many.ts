import { parseLease } from '../../../proto/convert.js';
import { FakeAgent } from '../../support/fake-agent.js';
import type { Lab } from '../../support/kubernetes/lab.js';
import { until } from '../../support/services.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { OperatorProcess } from './processes.js';

const AGENTS = 4;

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
    await until('all to be complete', async () => ((await complete()) === count ? true : null), 300).catch(
      () => undefined,
    );
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
  while (!stop.aborted) {
    const answer = await agent.ask();
    if (answer.$case === 'lease') await agent.answerTo(aRecord(parseLease(answer.value.leaseJson), profile));
    else await new Promise((resolve) => setTimeout(resolve, Math.min(200, answer.value.retryMilliseconds)));
  }
  agent.vanish();
}
