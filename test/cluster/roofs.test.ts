import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RoofsStore } from '../../agent/roofs/store.js';
import { roofsSchema } from '../../core/result/roofs.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep } from '../support/sweeps.js';
import { sampleRoofs } from '../unit/roofs/sample.js';

const folder = sharedFolder();
const env = { XDG_STATE_HOME: folder };

describe('ridge roofs', () => {
  test.skipIf(kernelsLibrary() === null)(
    'measures quickly, prints data on stdout and progress on stderr, and keeps nothing (needs the native kernels)',
    async () => {
      const out = join(folder, 'roofs.json');
      const { code, stdout, stderr } = await ridge(
        ['roofs', '--device', 'cpu0', '--quick', '--threads', '1', '--json', '--out', out],
        { env },
      );
      expect(code, stderr).toBe(0);
      const [roofs] = roofsSchema.array().parse(JSON.parse(stdout));
      expect(roofs).toEqual(roofsSchema.parse(JSON.parse(readFileSync(out, 'utf8'))));
      expect(
        roofs?.bandwidth.find(({ level, access }) => level === 'memory' && access === 'read'),
      ).toMatchObject({
        threads: 1,
        bytesPerSecond: { samples: expect.arrayContaining([expect.any(Number)]) },
      });
      expect(roofs?.compute.some(({ arithmetic, unit }) => arithmetic === 'f32' && unit === 'matrix')).toBe(
        true,
      );
      expect(roofs?.launchSeconds?.value).toBeGreaterThan(0);
      expect(roofs?.caveats[0]).toMatch(/quickly/);
      expect(stderr).toMatch(/measuring the roofs of cpu0: 1\/1/);
      expect(readdirSync(folder)).toEqual(['roofs.json']);
    },
  );

  test.each([
    [['--threads', '0'], /--threads 0 is not possible: cpu0 has \d+ CPUs/],
    [['--threads', '1,100000'], /--threads 100000 is not possible/],
    [['--threads', 'many'], /whole numbers, with commas/],
    [['--device', 'gpu7'], /this node has no device gpu7/],
    [['--config', join(folder, 'none.yaml')], /cannot read the config file .*: there is no such file/],
  ])('%s is a wrong word', async (words, sentence) => {
    const { code, stdout, stderr } = await ridgeHere(['roofs', ...words], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(sentence);
    expect(stdout).toBe('');
  });

  test('lie in the state folder of the environment, where a run finds them', async () => {
    const state = join(folder, 'elsewhere');
    const device = { id: 'cpu0', class: 'cpu', name: 'another', cpus: [0], threads: 1 };
    await new RoofsStore(join(state, 'roofs')).put(sampleRoofs({ device }));
    const sweep = join(folder, 'fake.yaml');
    writeFileSync(sweep, fakeSweep(1));
    const out = join(folder, 'out');
    const { code, stderr } = await ridgeHere(['run', sweep, '--out', out], {
      env: { RIDGE_STATE_FOLDER: state },
    });
    expect([0, 4], stderr).toContain(code);
    const [record] = readFileSync(join(out, 'results.jsonl'), 'utf8').split('\n', 1);
    expect(JSON.parse(record ?? '').absent.roofs).toMatch(/ changed since they were measured/);
  });

  test('what was never measured cannot be shown', async () => {
    const { code, stderr } = await ridgeHere(['roofs', '--stored', '--device', 'cpu0'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/no roofs of cpu0 were measured on this node yet/);
  });
});
