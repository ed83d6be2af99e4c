import { join } from 'node:path';
import { FolderBodies } from '../../artifacts/files/bodies.js';

/** @returns where a node keeps the calls of graphs. */
export const callsFolder = (cacheFolder: string): string => join(cacheFolder, 'calls');

/** Calls of a node, beside what else it caches. */
export function callBodies(folder: string): FolderBodies {
  return new FolderBodies(folder, '.jsonl');
}
