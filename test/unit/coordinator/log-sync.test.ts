import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { sharedFolder } from '../../support/folder.js';
import { submitted } from './log-facts.js';

const disk = { broken: false };
const datasync = async (): Promise<void> => {
  if (disk.broken) throw new Error('EIO: i/o error, fdatasync');
};

const folder = sharedFolder();

test('a disk that failed to sync once is believed no more: nothing is acknowledged or read until the log is opened again', async () => {
  const path = join(folder, 'log.sqlite');
  const log = new SqliteLog(path, { datasync });
  expect(await log.append([submitted('before')], 0)).toEqual({ appended: true, position: 1 });
  disk.broken = true;
  await expect(log.append([submitted('lost')], 1)).rejects.toThrow(/start the coordinator again/);
  disk.broken = false;
  await expect(log.append([submitted('after')], 2)).rejects.toThrow(/start the coordinator again/);
  expect(await log.end()).toBe(1);
  await log.close();

  const again = new SqliteLog(path);
  const end = await again.end();
  expect(await again.append([submitted('again')], end)).toEqual({ appended: true, position: end + 1 });
  await again.close();
});
