import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemText } from '../../process/device/system-text.js';
import { ridge } from '../support/ridge.js';
import { tree } from '../support/system-tree.js';

// Only the way back is tried by the command: the other would set interrupts of the machine that tests run on.
test('ridge doctor --untune puts back what is written down in the state folder, and says so once', async () => {
  const turbo = 'sys/devices/system/cpu/cpufreq/boost';
  const boot = systemText('/proc/sys/kernel/random/boot_id') ?? 'unknown';
  const root = tree({
    [turbo]: '0\n',
    'state/tuned/found.json': JSON.stringify({
      version: 1,
      boot,
      found: { [turbo]: { before: '1', set: '0' } },
    }),
  });
  const config = join(root, 'agent.yaml');
  writeFileSync(
    config,
    JSON.stringify({ stateFolder: join(root, 'state'), meters: { sysRoot: join(root, 'sys') } }),
  );
  const untune = () => ridge(['doctor', '--untune', '--config', config, '--json']);
  const first = await untune();
  expect([first.code, first.stderr]).toEqual([0, '']);
  expect(JSON.parse(first.stdout)).toEqual({
    outcomes: [{ setting: 'turbo', part: 'cpufreq/boost', did: 'changed', text: '0 → 1' }],
  });
  expect(readFileSync(join(root, turbo), 'utf8')).toBe('1');
  const second = await untune();
  expect([second.code, JSON.parse(second.stdout)]).toEqual([0, { outcomes: [] }]);
  expect(second.stderr).toContain('nothing to put back');
  const both = await ridge(['doctor', '--tune', '--noise']);
  expect([both.code, both.stdout]).toEqual([2, '']);
  expect(both.stderr).toContain("'--tune' cannot be used with option '--noise'");
});
