import { createHash } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FolderBodies } from '../../artifacts/files/bodies.js';
import { type BodyReference, bodiesOf } from '../../core/result/bodies.js';
import type { ControlConnection } from '../../proto/client.js';
import { WireError } from '../../proto/errors.js';
import { findSweep, withCoordinator } from '../connection.js';
import { workError } from '../exit.js';
import type { ConnectionOptions } from '../options/connection.js';
import { say } from '../output/print.js';
import { ANSWERS, CALLS, FILES, recordOf } from '../report/run-folder.js';
import { counted } from './counted.js';

export interface Fetched {
  readonly results: number;
  /** Of answers and calls. */
  readonly files: number;
}

/**
 * Leaves in a folder what a run leaves there: the sweep's file, its results that count, or all trials, and
 * the files that they refer to. Files that the coordinator has not are said and left out, as is a record that
 * one node spoiled; those that are there are not fetched again.
 * @throws CommandError (1) for a file that is damaged on its way
 */
export async function fetchRun(
  control: ControlConnection,
  sweepId: string,
  folder: string,
  { allTrials }: { readonly allTrials: boolean } = { allTrials: false },
): Promise<Fetched> {
  const stores = {
    answers: new FolderBodies(join(folder, ANSWERS)),
    calls: new FolderBodies(join(folder, CALLS)),
  };
  mkdirSync(folder, { recursive: true });
  const { document } = await control.getSweep({ sweepId });
  writeFileSync(join(folder, FILES.sweep), document);
  const file = join(folder, allTrials ? FILES.trials : FILES.results);
  const draft = `${file}.new`;
  const references = new Map<string, BodyReference & { readonly trialId: string }>();
  let results = 0;
  const left: string[] = [];
  const lines = async function* (): AsyncGenerator<string> {
    for await (const { recordJson } of counted(
      control.streamResults({ sweepId, follow: false, allTrials }),
    )) {
      const record = recordOf(recordJson);
      if (typeof record === 'string') {
        left.push(record);
        continue;
      }
      for (const reference of bodiesOf(record))
        references.set(reference.digest, { ...reference, trialId: record.trialId });
      results += 1;
      yield `${recordJson}\n`;
    }
  };
  await pipeline(Readable.from(lines()), createWriteStream(draft));
  renameSync(draft, file);
  sayLeftOut(left);
  let absent = 0;
  for (const { kind, digest, trialId } of references.values()) {
    const path = stores[kind].pathOf(digest);
    if (!existsSync(path) && !(await fetchBody(control, { digest, trialId }, path))) absent += 1;
  }
  if (absent > 0) {
    say(
      `${absent} of ${references.size} files of answers and calls are not with the coordinator: nodes that asked may have them`,
    );
  }
  return { results, files: references.size - absent };
}

/**
 * Says how many results of a coordinator or a log are left out because they are no records: one faulty node
 * must not cost the results of the others.
 * @param left the reason of each
 */
export function sayLeftOut(left: readonly string[]): void {
  if (left.length === 0) return;
  const which =
    left.length === 1 ? 'one record is left out' : `${left.length} records are left out; the first`;
  say(`${which}: ${left[0]}`);
}

/** @returns false where the coordinator has no such file. */
async function fetchBody(
  control: ControlConnection,
  asked: { readonly digest: string; readonly trialId: string },
  path: string,
): Promise<boolean> {
  const { digest } = asked;
  const draft = `${path}.draft`;
  const sha256 = createHash('sha256');
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const { piece } of control.getBody(asked)) {
      sha256.update(piece);
      yield piece;
    }
  };
  mkdirSync(join(path, '..'), { recursive: true });
  try {
    await pipeline(Readable.from(pieces()), createWriteStream(draft));
  } catch (error) {
    rmSync(draft, { force: true });
    if (error instanceof WireError && error.code === 'not-found') return false;
    throw error;
  }
  if (`sha256:${sha256.digest('hex')}` !== digest) {
    rmSync(draft, { force: true });
    throw workError(
      `the file ${digest} is not what it was`,
      'The store of the coordinator is damaged there.',
    );
  }
  renameSync(draft, path);
  return true;
}

/**
 * Fetches a sweep of a coordinator into a folder, for as long as somebody works with it.
 * @param named id or name, and what chooses rows behind a #
 */
export async function withFetched(
  options: ConnectionOptions,
  named: string,
  work: (source: string) => Promise<void>,
): Promise<void> {
  const [name = '', ...choice] = named.split('#');
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-fetched-'));
  try {
    await withCoordinator(options, async (control) => {
      const sweep = await findSweep(control, name === '' ? undefined : name);
      await fetchRun(control, sweep.sweepId, folder);
    });
    await work([folder, ...choice].join('#'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
