import { join } from 'node:path';
import { expect, test } from 'vitest';
import { weighCoordinator } from '../support/coordinator-weight.js';
import { sharedFolder } from '../support/folder.js';

const folder = sharedFolder();

const MEGABYTE = 1e6;

test('an open stream keeps nothing of its messages: 20,000 heartbeats and 2,000 results leave the heap as it was', async () => {
  const log = join(folder, 'log.sqlite');
  const load = { heartbeats: 20_000, trialsEach: 16, results: 2_000, recordBytes: 16_800, log };
  const { before, afterHeartbeats, afterResults } = await weighCoordinator(load);
  // When the wait for each message stayed pending with its stream, the heartbeats weighed 62 MB.
  expect((afterHeartbeats - before) / MEGABYTE).toBeLessThan(8);
  expect((afterResults - afterHeartbeats) / MEGABYTE).toBeLessThan(8);
}, 120_000);
