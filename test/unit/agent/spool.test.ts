import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Spool } from '../../../agent/spool.js';
import { emptyNotes } from '../../../agent/trial/notes.js';
import { writeRecord } from '../../../agent/trial/record.js';
import { failure } from '../../../core/errors.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { lease, trialContext } from '../../support/bench.js';
import { temporaryFolder } from '../../support/folder.js';

function record(trialId: string): ResultRecord {
  return writeRecord(
    lease({}, trialId),
    trialContext().profile,
    emptyNotes(new Date(), 0),
    failure('cancelled', 'stopped'),
  );
}

async function waiting(spool: Spool): Promise<string[]> {
  const ids: string[] = [];
  for await (const { trialId } of spool.waiting()) ids.push(trialId);
  return ids;
}

test('a result waits on disk, over a restart, until it is removed', async () => {
  const folder = join(temporaryFolder(), 'spool');
  const troubles: string[] = [];
  const first = await Spool.open(folder, (trouble) => void troubles.push(trouble));
  await first.put(record('b'));
  await first.put(record('a'));
  const second = await Spool.open(folder, (trouble) => void troubles.push(trouble));
  expect(second.size).toBe(2);
  expect(await waiting(second)).toEqual(['a', 'b']);
  await second.remove('a');
  await second.remove('never-there');
  expect(await waiting(second)).toEqual(['b']);
  expect(readdirSync(folder)).toEqual(['b.json']);
  expect(troubles).toEqual([]);
});

test('a trial id cannot name a place outside the spool', async () => {
  const folder = join(temporaryFolder(), 'spool');
  const spool = await Spool.open(folder, () => {});
  for (const id of ['../../escape', '/etc/x', 'a/b', '.', 'x'.repeat(250)]) await spool.put(record(id));
  expect(readdirSync(folder)).toHaveLength(5);
  expect((await waiting(spool)).sort()).toEqual(
    ['../../escape', '.', '/etc/x', 'a/b', 'x'.repeat(250)].sort(),
  );
  await spool.remove('../../escape');
  expect(spool.size).toBe(4);
});

test('a file that is no record is set aside, and the others are still there', async () => {
  const folder = join(temporaryFolder(), 'spool');
  const troubles: string[] = [];
  const spool = await Spool.open(folder, () => {});
  await spool.put(record('a'));
  writeFileSync(join(folder, 'half.json'), '{"schema":"ridgepoint.dev/res');
  writeFileSync(join(folder, 'other.json'), '{"schema":"something else"}');
  writeFileSync(join(folder, 'a.json.draft'), 'half');
  const again = await Spool.open(folder, (trouble) => void troubles.push(trouble));
  expect(await waiting(again)).toEqual(['a']);
  expect(troubles).toHaveLength(2);
  expect(again.size).toBe(1);
  expect(readdirSync(folder)).toEqual([
    'a.json',
    'a.json.draft',
    'half.json.unreadable',
    'other.json.unreadable',
  ]);
});

test('a record of a newer release stays as it is, for that release, and the others are sent', async () => {
  const folder = join(temporaryFolder(), 'spool');
  const troubles: string[] = [];
  await (await Spool.open(folder, () => {})).put(record('t.a'));
  const newer = JSON.stringify({ ...record('t.b'), schema: 'ridgepoint.dev/result/v2' });
  writeFileSync(join(folder, 't.b.json'), newer);
  writeFileSync(join(folder, 'older.json'), '{"schema":"ridgepoint.dev/result/v0"}');
  const spool = await Spool.open(folder, (trouble) => void troubles.push(trouble));
  expect(spool.newerSize).toBe(1);
  expect(spool.trialIds).toEqual(['t.a']);
  expect(troubles).toEqual([
    expect.stringMatching(/t\.b\.json is of the schema ridgepoint.dev\/result\/v2, .*reads .*\/v1/),
  ]);
  expect(await waiting(spool)).toEqual(['t.a']);
  await spool.remove('t.a');
  await spool.remove('t.b');
  // An agent that ends once all is sent must not wait for what it cannot send.
  expect(spool.size).toBe(0);
  expect(spool.newerSize).toBe(1);
  expect(readdirSync(folder)).toEqual(['older.json.unreadable', 't.b.json']);
  expect(readFileSync(join(folder, 't.b.json'), 'utf8')).toBe(newer);
});

test('a result that the disk does not take is kept in memory, and said so', async () => {
  const file = join(temporaryFolder(), 'not-a-folder');
  writeFileSync(file, '');
  const troubles: string[] = [];
  const spool = await Spool.open(join(file, 'spool'), (trouble) => void troubles.push(trouble));
  await spool.put(record('a'));
  expect(await waiting(spool)).toEqual(['a']);
  expect(troubles.join('\n')).toContain('in memory only');
  await spool.remove('a');
  expect(spool.size).toBe(0);
});

test('a refused result is kept for people and not sent again', async () => {
  const folder = join(temporaryFolder(), 'spool');
  const spool = await Spool.open(folder, () => {});
  await spool.put(record('a'));
  await spool.setAside('a', 'the reason');
  expect(await waiting(await Spool.open(folder, () => {}))).toEqual([]);
  expect(readdirSync(folder).sort()).toEqual(['a.json.refused', 'a.json.refused.reason']);
  expect(readFileSync(join(folder, 'a.json.refused.reason'), 'utf8')).toBe('the reason\n');
});
