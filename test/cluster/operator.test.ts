import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../operator/kubernetes/objects.js';
import { hasHelm, only, renderOnce } from '../support/helm.js';
import { hasKubernetes } from '../support/kubernetes/control-plane.js';
import { Lab } from '../support/kubernetes/lab.js';
import { freePort, installed, until } from '../support/services.js';
import { Authority } from '../support/tls.js';

describe.skipIf(!hasKubernetes)('Sweeps of a real API server (needs kube-apiserver and etcd)', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
    await lab.node('gpus', { 'nvidia.com/gpu': '2' }, { accelerator: 'test' });
    await lab.operator({ coordinatorNamespaces: { bench: 'measurements' } });
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
    const { sweeps } = await lab.control.listSweeps();
    expect(sweeps.map(({ sweepId, namespace }) => [sweepId, namespace])).toEqual([
      [status.sweepId, 'measurements'],
    ]);
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

  test.skipIf(!hasHelm)(
    'with the webhook a wrong Sweep is refused when it is applied, and without an answer it is taken (needs helm)',
    async () => {
      const { agents } = lab.object('right').spec;
      const { sweep } = lab.object('right').spec as { sweep: { spec: object } };
      const wrong = (name: string, spec: object) =>
        lab.object(name, { sweep: { spec: { ...sweep.spec, ...spec } }, agents });
      await lab.api.apply(wrong('older', { runers: {} }));
      await lab.says('older', 'Accepted', 'Invalid');
      const { asked, name } = await hookUp(lab);
      const refused: [string, object, RegExp][] = [
        [
          'runers',
          { runers: { kind: 'fake' } },
          /denied the request: spec\.sweep\.spec\.runers: .*did you mean runners\?/,
        ],
        [
          'fakee',
          { runners: { kind: 'fakee' } },
          /denied the request: spec\.sweep\.spec\.runners\.kind: .*did you mean fake\?/,
        ],
        [
          'many',
          { workloads: { kind: 'latency', promptTokens: 'many' } },
          /denied the request: spec\.sweep\.spec\.workloads\.promptTokens: .*not \\"many\\"/,
        ],
      ];
      for (const [object, spec, sentence] of refused) {
        await expect(lab.api.apply(wrong(object, spec))).rejects.toThrow(sentence);
        expect(await lab.api.find('Sweep', object)).toBeNull();
      }
      if (installed('kubectl')) {
        const words = ['--kubeconfig', lab.plane.kubeconfig('admin'), 'apply', '--filename', '-'];
        // The webhook is in this process, so this process may not wait for kubectl.
        const asking = promisify(execFile)('kubectl', words);
        asking.child.stdin?.end(JSON.stringify(wrong('runers', { runers: { kind: 'fake' } })));
        await expect(asking).rejects.toThrow(
          /invalid: .*denied the request: .*runers.*did you mean runners\?/,
        );
      }
      await lab.api.apply(lab.object('right'));
      await lab.says('right', 'Complete', 'True');
      // What is there already can still be labelled, and deleted with its finalizer.
      await lab.api.merge('Sweep', 'older', { metadata: { labels: { seen: 'yes' } } });
      await lab.api.delete('Sweep', 'older');
      await lab.gone('Sweep', 'older');
      await asked.stop();
      await lab.api.apply(wrong('unasked', { runers: {} }));
      await lab.says('unasked', 'Accepted', 'Invalid');
      await lab.api.delete('ValidatingWebhookConfiguration', name);
      await lab.api.delete('Sweep', 'unasked');
      await lab.gone('Sweep', 'unasked');
    },
  );
});

/**
 * Has the API server ask a second operator, which waits for the Lease, as the chart configures it; at an
 * address of this machine, for there is no network of pods.
 */
async function hookUp(lab: Lab) {
  const certificateFolder = join(lab.folder, 'webhook');
  mkdirSync(certificateFolder);
  const authority = new Authority(certificateFolder, 'webhook-ca');
  const pair = authority.issue('webhook');
  copyFileSync(pair.certificateFile, join(certificateFolder, 'tls.crt'));
  copyFileSync(pair.keyFile, join(certificateFolder, 'tls.key'));
  const address = `127.0.0.1:${await freePort()}`;
  const asked = await lab.operator({ webhook: { address, certificateFolder } });
  const { webhooks, ...hook } = only(renderOnce('webhook-values.yaml'), 'ValidatingWebhookConfiguration');
  const url = `https://${address}${webhooks[0].clientConfig.service.path}`;
  const clientConfig = { url, caBundle: authority.ca.toString('base64') };
  await lab.api.apply({
    ...hook,
    apiVersion: 'admissionregistration.k8s.io/v1',
    webhooks: [{ ...webhooks[0], clientConfig }],
  } as KubeObject);
  const path = `${lab.api.path('Sweep')}?dryRun=All`;
  const probe = lab.object('probe', { sweep: { spec: { models: 'builtin:tiny', runers: {} } } });
  await until('the webhook to be asked', async () => {
    const said = await lab.api.text('POST', path, probe).catch((error: unknown) => (error as Error).message);
    return said.includes('denied the request') ? true : null;
  });
  return { asked, name: hook.metadata.name };
}

const LENGTHS = Array.from({ length: 40 }, (_, i) => 16 * (i + 1));
