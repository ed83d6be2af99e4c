import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasKueue, Kueue } from '../support/kubernetes/kueue.js';
import { Lab } from '../support/kubernetes/lab.js';
import { until } from '../support/services.js';

const LENGTHS = Array.from({ length: 12 }, (_, i) => 16 * (i + 1));
const once = (points: number) => Array.from({ length: points }, () => 1);

describe.skipIf(!hasKueue)(
  'Sweeps in a queue of the real Kueue (needs kube-apiserver, etcd and kueue)',
  () => {
    let lab: Lab;
    let kueue: Kueue;
    beforeAll(async () => {
      lab = await Lab.open();
      await lab.node('gpus', { 'nvidia.com/gpu': '2' }, { accelerator: 'test' });
      await lab.node('others', { 'nvidia.com/gpu': '2' });
      kueue = await Kueue.start(lab.plane, 1, { accelerator: 'test' });
      const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
      for (const [name, value] of Object.entries({ low: 1, high: 1000 }))
        await lab.api.apply({ ...priority, metadata: { name }, value } as never);
      await lab.operator();
    }, 180_000);
    afterAll(async () => {
      await kueue?.stop();
      await lab?.close();
    }, 60_000);

    const queued = (name: string, replicas: number, lengths = LENGTHS, more: object = {}) => {
      const { agents } = lab.object(name).spec;
      return lab.object(name, { agents: { ...agents, replicas, queueName: 'gpus', ...more } }, lengths);
    };

    test('agents run where its flavor says, no more at once than its quota, and every point counts once', async () => {
      await lab.api.apply(queued('quota', 2));
      const { sweepId } = await lab.says('quota', 'Complete', 'True', 120);
      expect([...(await lab.counted(sweepId!)).values()]).toEqual(once(LENGTHS.length));
      expect(lab.kubelets.map(({ most }) => most)).toEqual([1, 0]);
      const isGone = async (kind: string) => ((await lab.api.list(kind)).length === 0 ? true : null);
      for (const kind of ['Job', 'Workload']) await until(`each ${kind} of it to go`, () => isGone(kind));
    });

    test('what makes room for a higher priority goes on afterwards, with every point once', async () => {
      const long = Array.from({ length: 60 }, (_, i) => 8 * (i + 1));
      await lab.api.apply(queued('patient', 1, long, { priorityClassName: 'low' }));
      await lab.says('patient', 'Running', 'True');
      const begun = async () => (await lab.status('patient')).progress?.startsWith('0/') === false || null;
      await until('its agent to have begun', begun);
      await lab.api.apply(queued('urgent', 1, LENGTHS, { priorityClassName: 'high' }));
      await lab.says('patient', 'Running', 'Queued', 60);
      const urgent = await lab.says('urgent', 'Complete', 'True', 120);
      const patient = await lab.says('patient', 'Complete', 'True', 120);
      expect([...(await lab.counted(urgent.sweepId!)).values()]).toEqual(once(LENGTHS.length));
      expect([...(await lab.counted(patient.sweepId!)).values()]).toEqual(once(long.length));
      expect(lab.kubelets[0]?.most).toBe(1);
    });
  },
);
