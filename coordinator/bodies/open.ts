import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config.js';
import { folderBodies } from './folder.js';
import { Incoming } from './incoming.js';
import type { BodyStore } from './store.js';

/** What a coordinator keeps files in that records refer to, and what gathers them. */
export interface KeptBodies {
  readonly store: BodyStore;
  readonly incoming: Incoming;
}

/** On their way at a time: a fleet of a thousand nodes rarely brings more. */
const MOST_INCOMING = 1024;

/**
 * Opens the store that the configuration names; null = none.
 * @throws FailureError where there are no credentials
 */
export async function openBodies(config: ResolvedConfig['bodies']): Promise<KeptBodies | null> {
  if (config === null) return null;
  const limits = { maxBytes: config.maxBytes, most: MOST_INCOMING };
  switch (config.kind) {
    case 'folder': {
      const store = folderBodies(config.path);
      return { store, incoming: new Incoming(store, join(config.path, 'incoming'), limits) };
    }
    case 's3': {
      const { s3Bodies } = await import('./s3.js');
      const store = s3Bodies(config);
      const folder = config.incomingPath ?? join(tmpdir(), `ridgepoint-bodies-${process.pid}`);
      return { store, incoming: new Incoming(store, folder, limits) };
    }
  }
}
