import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FailureError } from '../../../core/errors.js';
import { orElse } from '../../../core/or-else.js';
import { cacheFolder } from '../../../engines/native/engines/location.js';
import { writeWhole } from '../../../formats/whole-file.js';
import { taskOf } from '../../../process/isolation/job.js';
import { RUNS_FROM_SOURCE, VERSION } from '../../../process/package.js';
import type { Launcher } from '../build-file.js';
import { LOOK, type Look, type LookRequest } from './job.js';
import { unreadable } from './look.js';

const LIMITS = { timeLimitSeconds: 60, memoryLimitBytes: 2 * 2 ** 30 };

interface Kept {
  readonly state: string;
  readonly look: Look;
}
/** By request; the first is the one that was not asked for longest. */
const kept = new Map<string, Kept>();
const MOST_KEPT = 256;
const MOST_ON_DISK = 1024;

/** Which code has looked; null where it is run from its sources, which change between two looks. */
const BUILT = RUNS_FROM_SOURCE ? null : `${VERSION} ${statSync(import.meta.filename).mtimeMs}`;

/**
 * Has a child look at a model, once as long as its files stay as they are, also by another process of this
 * machine: a child costs some tenths of a second, which whoever waits for a restarted agent notices.
 * @throws FailureError as looking does; `model-unreadable` for a model that takes the child's time or its
 *   memory, or brings it down.
 */
export async function looked(request: LookRequest, launcher: Launcher): Promise<Look> {
  const key = JSON.stringify(request);
  const known = kept.get(key) ?? (await onDisk(key));
  kept.delete(key);
  if (known !== undefined && known.state === (await stateOf(request, known.look))) {
    kept.set(key, known);
    return known.look;
  }
  const { answer, failure } = await launcher({ task: taskOf(LOOK, request), cpus: [], ...LIMITS }).ended;
  if (failure !== null) {
    const died = ['timed-out', 'out-of-memory', 'crashed'].includes(failure.code);
    throw died ? unreadable(request.source, failure.message) : new FailureError(failure);
  }
  const seen = { state: await stateOf(request, answer), look: answer };
  kept.set(key, seen);
  await toDisk(key, seen).catch(() => undefined);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  return answer;
}

const looksFolder = () => join(cacheFolder(), 'looks');
const fileOf = (key: string) =>
  join(looksFolder(), `${createHash('sha256').update(`${BUILT} ${key}`).digest('hex').slice(0, 32)}.json`);

async function onDisk(key: string): Promise<Kept | undefined> {
  if (BUILT === null) return undefined;
  const text = await readFile(fileOf(key), 'utf8').catch(() => '');
  return orElse(() => JSON.parse(text) as Kept, undefined);
}

/** Only what JSON keeps as it is. */
async function toDisk(key: string, seen: Kept): Promise<void> {
  const text = JSON.stringify(seen);
  if (BUILT === null || !isDeepStrictEqual(JSON.parse(text), seen)) return;
  const names = await readdir(looksFolder()).catch(() => []);
  // All at once, and rarely: what is still wanted is looked at again.
  if (names.length >= MOST_ON_DISK) await rm(looksFolder(), { recursive: true });
  await mkdir(looksFolder(), { recursive: true });
  await writeWhole(fileOf(key), text);
}

/**
 * Of all files, and of what lies in their folders: others may have come. Marks of who holds an artifact, and
 * drafts, come and go.
 */
async function stateOf({ path }: LookRequest, { files }: Look): Promise<string> {
  const all = new Set([path, ...files, ...files.map((file) => dirname(file))]);
  const states = [...all].map(async (one) => {
    const found = await stat(one).catch(() => null);
    if (found === null) return null;
    const { dev, ino } = found;
    if (!found.isDirectory()) return [one, dev, ino, found.size, found.mtimeMs, found.ctimeMs];
    const names = (await readdir(one).catch(() => [])).filter((name) => !/\.(use|draft|lock)$/.test(name));
    return [one, dev, ino, ...names.sort()];
  });
  return JSON.stringify(await Promise.all(states));
}
