import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRecord } from '../../proto/convert.js';
import { sharedFolder } from '../support/folder.js';
import { ridge, startRidge } from '../support/ridge.js';
import { freePort, until } from '../support/services.js';

/** Where the archives of scripts/pack.mjs are installed. */
const home = process.env.RIDGEPOINT_PACKED;
const folder = sharedFolder();
/** One trial of a small model. */
const SHORT = `spec:
  models: "builtin:tiny"
  workloads: [{ kind: latency, promptTokens: 16, generateTokens: 8 }]
  measure: { starts: 1, maxRepeats: 2, maxWarmups: 1, maxSeconds: 1, retryInvalid: 0 }
  placement: { driftControl: false }
`;

describe.skipIf(home === undefined)(
  'the package as it is published (needs what scripts/test-on-node.mjs installs)',
  () => {
    const options = {
      program: join(home ?? '', 'dist/cli/main.js'),
      cwd: folder,
      env: { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') },
    };

    test('finds its engine and its kernels, and Node.js says no warning', async () => {
      const { code, stdout, stderr } = await ridge(['doctor', '--json'], options);
      expect(code, stderr).toBe(0);
      expect(stderr).not.toMatch(/warning/i);
      const { findings } = JSON.parse(stdout) as { findings: { name: string; ok: boolean; found: string }[] };
      const of = (name: string) => findings.find((finding) => finding.name === name);
      expect(of('llama.cpp')).toMatchObject({ ok: true });
      expect(of('native kernels')).toMatchObject({
        ok: true,
        found: expect.stringContaining('came with this release'),
      });
    });

    test('measures a model', { timeout: 120_000 }, async () => {
      writeFileSync(join(folder, 'short.yaml'), SHORT);
      const { code, stderr } = await ridge(['run', 'short.yaml', '--out', 'out'], options);
      // 4: other processes used the machine, which is not what is looked at.
      expect([0, 4], stderr).toContain(code);
      const [line = ''] = readFileSync(join(folder, 'out/results.jsonl'), 'utf8').split('\n');
      const { status, environment } = parseRecord(line);
      expect(status).toBe('complete');
      expect(environment).toMatchObject({ nodejs: process.version, stepLoop: 'native' });
    });

    test('has a coordinator whose web view opens, and that ends in peace', async () => {
      const [port, web] = [await freePort(), await freePort()];
      const addresses = ['--listen', `127.0.0.1:${port}`, '--web', `127.0.0.1:${web}`, '--metrics', 'off'];
      const coordinator = startRidge(['coordinator', ...addresses, '--data', join(folder, 'data')], options);
      const page = await until('the web view to open', async () => {
        const response = await fetch(`http://127.0.0.1:${web}/`);
        return response.ok ? await response.text() : null;
      });
      expect(page).toContain('<title>');
      coordinator.process.kill('SIGTERM');
      expect((await coordinator.ended).code).toBe(0);
    });
  },
);
