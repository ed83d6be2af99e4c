import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';

test('no program that `ridge` starts has the token in its environment', async () => {
  const folder = temporaryFolder();
  const seen = join(folder, 'environment');
  const command = ['sh', '-c', `echo version 1.2; env >> ${seen}; exit 3`];
  const config = {
    servers: { one: { profile: 'simulated-server', command } },
    cacheFolder: join(folder, 'cache'),
    roofs: 'off',
  };
  writeFileSync(join(folder, 'agent.yaml'), JSON.stringify(config));
  const spec = {
    models: 'builtin:tiny',
    runners: [{ kind: 'simulated-server' }],
    workloads: [{ kind: 'serving', requests: 1 }],
    placement: { retries: 0, driftControl: false, device: 'cpu' },
  };
  const sweep = { apiVersion: 'ridgepoint.dev/v1', kind: 'Sweep', metadata: { name: 'token' }, spec };
  writeFileSync(join(folder, 'sweep.yaml'), JSON.stringify(sweep));
  const { stderr } = await ridge(['run', 'sweep.yaml', '--config', 'agent.yaml'], {
    cwd: folder,
    env: { RIDGE_TOKEN: 'only-for-the-coordinator', ORDINARY: 'inherited' },
  });
  const environment = readFileSync(seen, 'utf8');
  // Once where its version is asked for, once where it is started.
  expect(environment.match(/^ORDINARY=inherited$/gm), stderr).toHaveLength(2);
  expect(environment).not.toContain('only-for-the-coordinator');
}, 120_000);
