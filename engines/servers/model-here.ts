import { readFileSync, readlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { formatOf } from '../../formats/index.js';
import { isLocal } from './devices.js';
import { listenerAt, portOf } from './listener.js';

/**
 * Finds on this machine what a running server was started with.
 * @param url of the server: a relative path is one of the folder in which a server of this machine runs.
 * @param source as the server says it: a path, or a name of the Hugging Face hub.
 * @returns the path of a file or folder in a format that is read here; null = there is none.
 */
export function modelHere(url: string, source: string): string | null {
  const path = isAbsolute(source) ? source : inFolderOf(url, source);
  if (path !== null && isModel(path)) return path;
  const snapshot = /^[\w.-]+\/[\w.-]+$/.test(source) ? hubSnapshot(source) : null;
  return snapshot !== null && isModel(snapshot) ? snapshot : null;
}

const isModel = (path: string) => orElse(() => formatOf(path) !== undefined, false);

function inFolderOf(url: string, path: string): string | null {
  if (!isLocal(url)) return null;
  const pid = listenerAt(portOf(url));
  const folder = typeof pid === 'number' ? orElse(() => readlinkSync(`/proc/${pid}/cwd`), null) : null;
  return folder === null ? null : resolve(folder, path);
}

/**
 * The hub's own cache, where engines in Python keep what they fetched (huggingface_hub, "Understand
 * caching").
 */
function hubSnapshot(repository: string): string | null {
  const { HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const folder = join(HF_HUB_CACHE ?? join(home, 'hub'), `models--${repository.replace('/', '--')}`);
  const commit = orElse(() => readFileSync(join(folder, 'refs/main'), 'utf8').trim(), '');
  return commit === '' ? null : join(folder, 'snapshots', commit);
}
