import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes artifacts, the least recently used first, until all together fit; `keep` stays in any case. */
export async function makeRoom(folder: string, limitBytes: number, keep: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.gguf'));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const [file, note] = await Promise.all([stat(path), stat(`${path}.json`).catch(() => null)]);
      return { path, bytes: file.size, usedMilliseconds: (note ?? file).mtimeMs };
    }),
  );
  let total = files.reduce((sum, file) => sum + file.bytes, 0);
  for (const file of files.sort((a, b) => a.usedMilliseconds - b.usedMilliseconds)) {
    if (total <= limitBytes) return;
    if (file.path === keep) continue;
    // A trial that has it open keeps its pages: the name goes, the file stays until it is closed.
    await rm(`${file.path}.json`, { force: true });
    await rm(file.path, { force: true });
    total -= file.bytes;
  }
}
