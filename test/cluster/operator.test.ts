import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasKubernetes } from '../support/kubernetes/control-plane.js';
import { Lab } from '../support/kubernetes/lab.js';
import { installed, until } from '../support/services.js';

describe.skipIf(!hasKubernetes)('Sweeps of a real API server (needs kube-apiserver and etcd)', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
    await lab.node('gpus', { 'nvidia.com/gpu': '2' }, { accelerator: 'test' });
    await lab.operator();
  }, 120_000);
  afterAll(async () => await lab?.close(), 60_000);

  test('a Sweep is measured by as many agents as there are devices, and says so', async () => {
    const { agents } = lab.object('first').spec;
    await lab.api.apply(lab.object('first', { agents: { ...agents, replicas: 3 } }));
    const status = await lab.says('first', 'Complete', 'True');
    expect(status).toMatchObject({ progress: '4/4', failed: 0, observedGeneration: 1 });
    expect(status.conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'Accepted True',
      'Running False',
      'Complete True',
      'Degraded False',
    ]);
    expect(lab.kubelets[0]?.most).toBeLessThanOrEqual(2);
    const counted = await lab.counted(status.sweepId!);
    expect([...counted.values()]).toEqual([1, 1, 1, 1]);
    await lab.says('first', 'Complete', 'True');
    const { bestRows = [], best, bestRowsDigest } = await lab.status('first');
    expect(bestRows.length).toBeGreaterThan(0);
    expect(best).toContain('decodeTokensPerSecond');
    expect(bestRowsDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const reasons = await lab.events('first');
    expect(reasons).toEqual(expect.arrayContaining(['Accepted', 'Started', 'Finished']));
    expect(new Set(reasons).size, reasons.join(' ')).toBe(reasons.length);
    if (installed('kubectl')) {
      const words = ['--kubeconfig', lab.plane.kubeconfig('admin'), 'get', 'sweeps', '-n', 'bench'];
      const { stdout } = spawnSync('kubectl', words, { encoding: 'utf8' });
      expect(stdout).toMatch(/NAME\s+PROGRESS\s+RUNNING\s+FAILED\s+STATE\s+BEST\s+REASON\s+AGE/);
      expect(stdout).toMatch(/first\s+4\/4\s+0\s+0\s+Finished\s+.*decodeTokensPerSecond/);
    }
    await until('its Jobs to go', async () => ((await lab.api.list('Job')).length === 0 ? true : null));
  });

  test('a wrong sweep says what is wrong in the words of the parser; one that is edited is refused', async () => {
    const wrong = { sweep: { spec: { models: 'builtin:tiny', runers: { kind: 'fake' } } }, agents: {} };
    await lab.api.apply(lab.object('wrong', wrong));
    const { conditions = [] } = await lab.says('wrong', 'Accepted', 'Invalid');
    expect(conditions.find(({ type }) => type === 'Accepted')?.message).toMatch(
      /spec\.sweep\.spec.*did you mean runners\?/,
    );
    expect((await lab.status('wrong')).reason).toMatch(/did you mean runners\?/);
    expect(await lab.events('wrong')).toEqual(['Invalid']);
    for (const edit of [{ models: 'builtin:small' }, { runers: { kind: 'none' } }, { more: 1 }])
      await expect(lab.api.merge('Sweep', 'wrong', { spec: { sweep: { spec: edit } } })).rejects.toThrow(
        'a sweep never changes',
      );
    await lab.api.delete('Sweep', 'wrong');
    await lab.gone('Sweep', 'wrong');
  });

  test('a deleted Sweep is cancelled at the coordinator first, and leaves no Job', async () => {
    await lab.api.apply(lab.object('long', {}, LENGTHS));
    const { sweepId } = await lab.says('long', 'Running', 'True');
    await lab.api.delete('Sweep', 'long');
    await lab.gone('Sweep', 'long');
    const { sweeps } = await lab.control.listSweeps();
    expect(sweeps.find((sweep) => sweep.sweepId === sweepId)).toMatchObject({ state: 3, running: 0 });
    expect(await lab.api.list('Job')).toEqual([]);
  });

  test('suspended, its devices are free for others; taken back, it ends with every point once', async () => {
    await lab.api.apply(lab.object('held', {}, LENGTHS.slice(0, 12)));
    const { sweepId } = await lab.says('held', 'Running', 'True');
    await lab.api.merge('Sweep', 'held', { spec: { suspend: true } });
    await lab.says('held', 'Running', 'Paused');
    await until('its agents to go', async () => ((await lab.api.list('Pod')).length === 0 ? true : null));
    await lab.api.merge('Sweep', 'held', { spec: { suspend: false } });
    await lab.says('held', 'Complete', 'True');
    expect([...(await lab.counted(sweepId!)).values()]).toEqual(Array.from({ length: 12 }, () => 1));
  });

  test('a Sweep that names another coordinator is refused where the operator does not allow that', async () => {
    const own = {
      coordinator: { address: 'elsewhere.example:7117', credentials: 'stolen' },
      agents: { replicas: 0 },
    };
    await lab.api.apply(lab.object('elsewhere', own));
    const { conditions = [] } = await lab.says('elsewhere', 'Accepted', 'Refused');
    expect(conditions.find(({ type }) => type === 'Accepted')?.message).toMatch(/submits to .* alone/);
    await lab.api.delete('Sweep', 'elsewhere');
    await lab.gone('Sweep', 'elsewhere');
  });

  test('with a queue its Jobs wait until somebody admits them', async () => {
    const { agents } = lab.object('queued').spec;
    await lab.api.apply(lab.object('queued', { agents: { ...agents, queueName: 'gpus' } }));
    await lab.says('queued', 'Running', 'Queued');
    const pods = (await lab.api.list('Pod')).map(({ metadata }) => metadata.name);
    expect(pods.filter((name) => name.startsWith('queued'))).toEqual([]);
    // As Kueue does it.
    const jobs = (await lab.api.list('Job')).map(({ metadata }) => metadata);
    for (const metadata of jobs.filter(({ name }) => name.startsWith('queued')))
      await lab.api.merge('Job', metadata.name, { spec: { suspend: false } });
    await lab.says('queued', 'Complete', 'True');
  });
});

const LENGTHS = Array.from({ length: 40 }, (_, i) => 16 * (i + 1));
