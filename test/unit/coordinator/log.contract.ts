import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log, LogEntry } from '../../../coordinator/log/log.js';
import { recorded, submitted } from './log-facts.js';

async function collect(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const list: LogEntry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

/** What every log promises; run by each of them. */
export function logContract(name: string, open: () => Promise<Log>): void {
  describe(name, () => {
    let log: Log;
    beforeEach(async () => {
      log = await open();
    });
    afterEach(async () => {
      await log.close();
    });

    test('starts empty and numbers its entries from 1 without gaps', async () => {
      expect(await log.end()).toBe(0);
      expect(await log.append([submitted('a'), submitted('b')], 0)).toEqual({ appended: true, position: 2 });
      expect(await log.append([submitted('c')], 2)).toEqual({ appended: true, position: 3 });
      const entries = await collect(log.read(0));
      expect(entries.map((e) => e.position)).toEqual([1, 2, 3]);
      expect(entries.map((e) => e.fact)).toEqual([submitted('a'), submitted('b'), submitted('c')]);
      expect((await collect(log.read(2))).map((e) => e.position)).toEqual([3]);
    });

    test('refuses an append that expected another end, and writes none of it', async () => {
      await log.append([submitted('a')], 0);
      expect(await log.append([submitted('b'), submitted('c')], 0)).toEqual({ appended: false, position: 1 });
      expect(await log.append([submitted('b')], 5)).toEqual({ appended: false, position: 1 });
      expect(await log.end()).toBe(1);
    });

    test('of appends that race for the same end one wins', async () => {
      const outcomes = await Promise.all(
        ['a', 'b', 'c', 'd'].map((sweepId) => log.append([submitted(sweepId)], 0)),
      );
      expect(outcomes.filter((o) => o.appended)).toHaveLength(1);
      expect(await log.end()).toBe(1);
    });

    test('keeps a trial once, within a batch and across batches', async () => {
      await log.append([recorded('t1'), recorded('t1'), submitted('a')], 0);
      expect(await log.end()).toBe(2);
      expect(await log.append([recorded('t1')], 2)).toEqual({ appended: true, position: 2 });
      expect(await log.append([recorded('t1'), recorded('t2')], 2)).toEqual({ appended: true, position: 3 });
      const facts = (await collect(log.read(0))).map((e) => e.fact);
      expect(facts).toEqual([recorded('t1'), submitted('a'), recorded('t2')]);
    });

    test('follow gives the past, then the new, then ends with its signal', async () => {
      await log.append([submitted('a')], 0);
      const stop = new AbortController();
      const seen: number[] = [];
      const following = (async () => {
        for await (const entry of log.follow(0, stop.signal)) {
          seen.push(entry.position);
          if (entry.position === 1) void log.append([submitted('b'), submitted('c')], 1);
          if (entry.position === 3) stop.abort();
        }
      })();
      await following;
      expect(seen).toEqual([1, 2, 3]);
    });

    test('reading ends where the log ended when reading began', async () => {
      await log.append([submitted('a'), submitted('b')], 0);
      const seen: number[] = [];
      for await (const entry of log.read(0)) {
        seen.push(entry.position);
        await log.append([submitted('late')], 2);
      }
      expect(seen).toEqual([1, 2]);
    });

    test('many entries come back in order', async () => {
      const trials = Array.from({ length: 100 }, (_, index) => `t${index}`);
      await log.append(trials.map(recorded), 0);
      const entries = await collect(log.read(0));
      expect(entries.map((e) => (e.fact.fact === 'ResultRecorded' ? e.fact.record.trialId : ''))).toEqual(
        trials,
      );
    });
  });
}
