import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Audit } from '../../../coordinator/audit.js';
import { CallRates } from '../../../proto/rate-limit.js';
import { temporaryFolder } from '../../support/folder.js';
import { jsonLines } from '../../support/reading.js';

const BY = { name: 'ann', from: '10.0.0.7:4711' };
const REFUSAL = { who: null, from: '10.0.0.9', code: 'unauthenticated', message: 'no', where: '/x' } as const;

function audit(maxBytes = 1e6, keep = 2) {
  const file = join(temporaryFolder(), 'audit.jsonl');
  let second = 0;
  const warnings: string[] = [];
  const at = () => `2026-11-30T12:00:${String(second).padStart(2, '0')}.000Z`;
  const log = new Audit({ file, maxBytes, keep }, at, (sentence) => warnings.push(sentence));
  const lines = (path = file) => jsonLines(readFileSync(path, 'utf8'));
  return { file, log, lines, warnings, tick: () => (second += 1) };
}

describe('the audit log', () => {
  test('has a line for each action, and is its owner’s alone', () => {
    const { file, log, lines } = audit();
    log.did('cancel', BY, { sweepId: 's1', reason: 'done with it\nreally' });
    expect(lines()).toEqual([
      {
        at: '2026-11-30T12:00:00.000Z',
        who: 'ann',
        from: '10.0.0.7:4711',
        action: 'cancel',
        sweepId: 's1',
        reason: 'done with it\nreally',
      },
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('makes way for a new file at its size, and keeps so many', () => {
    const { file, log, lines } = audit(300, 2);
    for (let n = 0; n < 12; n += 1) log.did('join', BY, { node: `node-${n}` });
    const kept = [`${file}.2`, `${file}.1`, file].flatMap((path) => lines(path).map(({ node }) => node));
    expect(kept).toEqual(['node-6', 'node-7', 'node-8', 'node-9', 'node-10', 'node-11']);
    expect(existsSync(`${file}.3`)).toBe(false);
  });

  test('goes on in a new file when somebody has moved it away', () => {
    const { file, log, lines } = audit();
    log.did('join', BY, { node: 'a' });
    renameSync(file, `${file}.moved`);
    log.did('join', BY, { node: 'b' });
    log.reopen();
    log.did('join', BY, { node: 'c' });
    expect(lines(`${file}.moved`).map(({ node }) => node)).toEqual(['a', 'b']);
    expect(lines().map(({ node }) => node)).toEqual(['c']);
  });

  test('a flood of refusals costs twenty lines a second and the number of the rest', () => {
    const { log, lines, tick } = audit();
    for (let n = 0; n < 10_000; n += 1) log.refused(REFUSAL);
    expect(lines()).toHaveLength(20);
    tick();
    log.refused(REFUSAL);
    expect(lines().slice(20)).toMatchObject([{ action: 'refused', more: 9980 }, { code: 'unauthenticated' }]);
  });

  test('that cannot be written is told once, and stops nobody; at the start it is an error', () => {
    const { file, log, warnings } = audit(10);
    log.did('join', BY, { node: 'a' });
    // Nothing can be moved where a folder is in the way.
    mkdirSync(join(`${file}.1`, 'in the way'), { recursive: true });
    log.did('join', BY, { node: 'b' });
    log.did('join', BY, { node: 'c' });
    expect(warnings).toEqual([expect.stringMatching(/^the audit log takes nothing: /)]);
    const nowhere = { file: '/nowhere/audit.jsonl', maxBytes: 1, keep: 1 };
    expect(() => new Audit(nowhere, String, () => undefined)).toThrow(
      'The audit log /nowhere/audit.jsonl cannot be written: there is no such file.',
    );
  });
});

test('each caller has a bucket of calls of its own, which fills as time goes by', () => {
  let now = 0;
  const rates = new CallRates({ perSecond: 2, burst: 3 }, () => now);
  expect([1, 2, 3].map(() => rates.take('ann'))).toEqual([null, null, null]);
  expect(rates.take('ann')).toBe(0.5);
  expect(rates.take('bob')).toBeNull();
  now += 0.5;
  expect(rates.take('ann')).toBeNull();
  expect(rates.take('ann')).toBe(0.5);
  now += 1000;
  expect([1, 2, 3, 4].map(() => rates.take('ann'))).toEqual([null, null, null, 0.5]);
  expect(new CallRates(null).take('ann')).toBeNull();
});
