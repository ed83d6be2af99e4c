import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { sharedFolder } from '../support/folder.js';
import { ridge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();

const at = { cwd: folder, env: { XDG_CACHE_HOME: join(folder, 'cache') } };
const profileHere = (...args: readonly string[]) => ridgeHere(['profile', ...args], at);

describe('ridge profile', () => {
  test.skipIf(kernelsLibrary() === null)(
    'times modules and says what that costs (needs our native library)',
    async () => {
      const few = ['builtin:tiny', '--threads', '1', '--prompt-tokens', '16', '--generate-tokens', '2'];
      const table = await ridge(['profile', ...few], at);
      expect(table.code, table.stderr).toBe(0);
      expect(table.stdout).toMatch(/^prefill, 16 tokens: .* as it runs, .* looked into \([+-][\d.]+ %\)$/m);
      expect(table.stdout).toMatch(/^decode, 2 steps of 1: /m);
      expect(table.stdout).toMatch(/^qkv +12 /m);
      const said = JSON.parse((await profileHere(...few, '--json')).stdout);
      expect(said).toMatchObject({ schema: 'ridgepoint.dev/profile/v1', threads: 1, rounds: 5 });
      expect(said.phases[1].modules.at(-1)).toMatchObject({ module: 'around', calls: 2 });
      const operators = await profileHere(...few, '--operators');
      expect(operators.stdout).toMatch(/^attention +flash_attn_ext +FLASH_ATTN_EXT +4 /m);
      expect(operators.stdout).toMatch(/^around +between operators +- +1 /m);
      const [prefill = ''] = operators.stdout.split('\n\n');
      const shares = [...prefill.matchAll(/ ([\d.]+) %$/gm)].map(([, share]) => Number(share));
      expect(shares.length).toBeGreaterThan(5);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
    },
  );

  test.each([
    [['none.gguf'], 'there is no file none.gguf'],
    [['builtin:tiny', '--prompt-tokens', '0', '--generate-tokens', '0'], 'there is nothing to profile'],
    [['builtin:tiny', '--parallel', '0'], 'whole number above 0'],
  ])('%j is refused with the reason', async (args, why) => {
    const done = await profileHere(...args);
    expect(done.code, done.stderr).toBe(2);
    expect(done.stderr).toContain(why);
    expect(done.stdout).toBe('');
  });
});
