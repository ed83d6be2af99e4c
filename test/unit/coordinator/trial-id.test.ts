import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { provesLease, readTrialId, trialId } from '../../../coordinator/scheduler/trial-id.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import { parseLease } from '../../../proto/convert.js';
import { aLease } from '../../support/wire-records.js';

const name = {
  sweepId: 's0123456789abcdef',
  position: 7,
  block: 3,
  purpose: 'control',
  attempt: 2,
} as const;
const holder = { node: 'node-a', deviceId: 'cpu0', experimentId: 'x1' };

test('a trial id says what was leased, and proves it to nobody but its holder', () => {
  const id = trialId(name, 'abcd-1', holder, 'key');
  expect(id).toMatch(/^t\.s0123456789abcdef\.7\.c3\.2\.abcd-1-[0-9a-f]{24}$/);
  expect(readTrialId(id)).toEqual(name);
  expect(provesLease(id, holder, 'key')).toBe(true);
  for (const other of [{ node: 'node-b' }, { deviceId: 'cpu1' }, { experimentId: 'x2' }]) {
    expect(provesLease(id, { ...holder, ...other }, 'key')).toBe(false);
  }
  expect(provesLease(id, holder, 'another key')).toBe(false);
  for (const forged of [id.replace('.7.', '.8.'), id.replace('c3', 'm3'), id.replace('abcd-1', 'abcd-2')]) {
    expect(provesLease(forged, holder, 'key'), forged).toBe(false);
  }
});

test('the start of a point is signed', () => {
  const measured = { ...name, purpose: 'measure', start: 3 } as const;
  const id = trialId(measured, 'abcd-1', holder, 'key');
  expect(id).toMatch(/^t\.s0123456789abcdef\.7\.m3\.2s3\.abcd-1-[0-9a-f]{24}$/);
  expect(readTrialId(id)).toEqual(measured);
  expect(provesLease(id.replace('2s3', '2s4'), holder, 'key')).toBe(false);
});

test('numbers that no coordinator gives are no trial id', () => {
  for (const id of [
    't.s.-1.m0.1.x',
    't.s.1.m9007199254740993.1.x',
    `t.s.${'9'.repeat(400)}.m0.1.x`,
    'x',
    '',
  ]) {
    expect(readTrialId(id), id).toBeNull();
  }
});

test('the experiment of every example keeps its id on its way to an agent and back', () => {
  const folder = join(import.meta.dirname, '../../../docs/examples');
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    const view = readSweep(readFileSync(join(folder, file), 'utf8'), []);
    const node = view.placement.perNode ? 'node-a' : null;
    for (const index of [0, view.count - 1]) {
      const experiment = view.experimentAt(view.positionAt(index), node);
      const there = parseLease(JSON.stringify(aLease('t', { experiment })));
      expect(view.identify(there.experiment), `${file} ${index}`).toBe(experiment.id);
    }
  }
});
