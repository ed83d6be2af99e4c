import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FolderBodies, linesOf } from '../../../artifacts/files/bodies.js';
import { temporaryFolder } from '../../support/folder.js';

async function textOf(bodies: FolderBodies, digest: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(bodies, digest)) lines.push(line);
  return lines;
}

test('a body is known by its content, kept once, and read line by line', async () => {
  const bodies = new FolderBodies(temporaryFolder());
  const [first, second] = [await bodies.put(['é\n', 'b\n']), await bodies.put(['é\nb\n'])];
  expect(first).toEqual(second);
  expect(first).toMatchObject({ digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), bytes: 5 });
  expect(await textOf(bodies, first.digest)).toEqual(['é', 'b']);
  const other = new FolderBodies(join(temporaryFolder(), 'new'));
  expect(await other.has(first.digest)).toBe(false);
  expect(await other.take(first.digest, bodies)).toBe(true);
  expect(await textOf(other, first.digest)).toEqual(['é', 'b']);
});

test('one that was changed, is not here or is called by a path is told', async () => {
  const bodies = new FolderBodies(temporaryFolder());
  const { digest } = await bodies.put(['a\n']);
  writeFileSync(bodies.pathOf(digest), 'b\n');
  await expect(textOf(bodies, digest)).rejects.toThrow('holds something else than was written');
  const none = `sha256:${'0'.repeat(64)}`;
  await expect(textOf(bodies, none)).rejects.toThrow('is not in');
  await expect(bodies.has('sha256:../../etc/passwd')).rejects.toThrow('is no digest');
});

test('the longest unused go where there are too many', async () => {
  const bodies = new FolderBodies(temporaryFolder());
  const digests: string[] = [];
  for (const [i, text] of ['aaaa', 'bbbb', 'cccc'].entries()) {
    const { digest } = await bodies.put([text]);
    utimesSync(bodies.pathOf(digest), i + 1, i + 1);
    digests.push(digest);
  }
  await bodies.has(digests[0]!);
  await bodies.trim(8, digests[2]!);
  expect(digests.map((digest) => existsSync(bodies.pathOf(digest)))).toEqual([true, false, true]);
});
