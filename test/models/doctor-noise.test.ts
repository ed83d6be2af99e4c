import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAffinity } from '../../process/device/affinity.js';
import { temporaryFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

test('ridge doctor --noise measures starts in blocks, and says what they leave to be seen', {
  timeout: 120_000,
}, async () => {
  const folder = temporaryFolder();
  const env = { XDG_STATE_HOME: folder };
  // One CPU: on several of them the threads of an engine wait for each other while other tests run.
  const config = join(folder, 'agent.yaml');
  writeFileSync(config, JSON.stringify({ cpuGroups: [[readAffinity('self')?.[0] ?? 0]] }));
  const words = ['doctor', '--noise', '--seconds', '6', '--config', config, '--json'];
  const { code, stdout, stderr } = await ridge(words, { env });
  expect(code, stderr).toBe(0);
  const { noise, host } = JSON.parse(stdout);
  expect(noise.blocks).toBe(3);
  expect(noise.starts).toBeGreaterThanOrEqual(6);
  expect(noise.metrics[0]).toMatchObject({ metric: 'decodeTokensPerSecond', unit: 'tokens/s' });
  expect(noise.metrics[0].centre).toBeGreaterThan(0);
  expect(noise.metrics[0].components.betweenStarts.reason).toBeNull();
  expect(noise.metrics[0].detectable.map(({ starts }: { starts: number }) => starts)).toEqual([3, 5, 8]);
  expect(host).toHaveLength(1);

  const plan = await ridgeHere(['plan', 'docs/examples/quickstart.yaml'], { env });
  if (stderr.includes('not kept')) expect(plan.stdout).not.toContain('  noise: ');
  else expect(plan.stdout).toMatch(/^ {2}noise: 3 starts of two rows show a difference of \d/m);

  const alone = await ridgeHere(['doctor', '--seconds', '6']);
  expect(alone.code).toBe(2);
  expect(alone.stderr).toContain('--seconds says how long --noise measures');
});
