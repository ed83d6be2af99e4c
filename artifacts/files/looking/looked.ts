import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FailureError } from '../../../core/errors.js';
import { taskOf } from '../../../process/isolation/job.js';
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

/**
 * Has a child look at a model, once as long as its files stay as they are: a process costs some tenths of a second.
 * @throws FailureError as looking does; `model-unreadable` for a model that takes the child's time or its memory, or brings it down.
 */
export async function looked(request: LookRequest, launcher: Launcher): Promise<Look> {
  const key = JSON.stringify(request);
  const known = kept.get(key);
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
  kept.set(key, { state: await stateOf(request, answer), look: answer });
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  return answer;
}

/** Of all files, and of their folders, in which others may have come. */
async function stateOf({ path }: LookRequest, { files }: Look): Promise<string> {
  const all = new Set([path, ...files, ...files.map((file) => dirname(file))]);
  const states = [...all].map(async (one) => {
    const found = await stat(one).catch(() => null);
    return found === null ? null : [one, found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs];
  });
  return JSON.stringify(await Promise.all(states));
}
