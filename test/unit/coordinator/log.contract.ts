import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { headOf } from '../../../coordinator/log/detail.js';
import type { Term } from '../../../coordinator/log/leadership.js';
import type { HeadEntry, Log } from '../../../coordinator/log/log.js';
import { measured, recorded, submitted } from './log-facts.js';

async function collect<Entry extends HeadEntry>(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const list: Entry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

let holders = 0;
let names = 0;

/** For what comes when it comes. */
const PATIENT = { timeout: 60_000 };
/** Longer than any test. */
const LONG_SECONDS = 120;

/** Wants to lead a log, as another coordinator each time. */
function candidate(log: Log, seconds = LONG_SECONDS) {
  holders += 1;
  const stopped = new AbortController();
  const heard: (string | undefined)[] = [];
  let led = false;
  const wanted = { holder: `holder-${holders}`, grpc: `localhost:${holders}`, web: null, seconds };
  const term = log
    .lead(wanted, { signal: stopped.signal, onLeader: (leader) => heard.push(leader?.grpc) })
    .then((given) => {
      led = true;
      return given;
    });
  return { term, heard, led: () => led, stop: () => stopped.abort() };
}

/** Leads a log as another coordinator each time. */
export const lead = (log: Log, seconds?: number): Promise<Term> => candidate(log, seconds).term;

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
      const entries = await collect(log.read(0, 'full'));
      expect(entries.map((e) => e.position)).toEqual([1, 2, 3]);
      expect(entries.map((e) => e.fact)).toEqual([submitted('a'), submitted('b'), submitted('c')]);
      expect((await collect(log.read(2, 'full'))).map((e) => e.position)).toEqual([3]);
    });

    test('is tried with an append that leaves no entry', async () => {
      await log.append([submitted('a')], 0);
      await log.probe(100_000);
      await log.probe(1);
      expect(await log.end()).toBe(1);
      expect(await log.append([submitted('b')], 1)).toEqual({ appended: true, position: 2 });
      expect((await collect(log.read(0, 'full'))).map((e) => e.position)).toEqual([1, 2]);
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
      const facts = (await collect(log.read(0, 'full'))).map((e) => e.fact);
      expect(facts).toEqual([recorded('t1'), submitted('a'), recorded('t2')]);
    });

    test('a record that comes with its JSON is kept as one that comes without', async () => {
      const fact = measured('t1');
      await log.append([{ ...fact, json: JSON.stringify(fact.record) }, measured('t2')], 0);
      const [first, second] = await collect(log.read(0, 'full'));
      expect(first?.fact).toEqual(fact);
      expect(first?.recordJson).toBe(second?.recordJson?.replace('"t2"', '"t1"'));
      const rows = await collect(log.read(0, 'row'));
      expect(rows.map(({ fact: row }) => row.fact === 'ResultRecorded' && row.record.samples)).toEqual([
        [],
        [],
      ]);
    });

    test('keeps the newest snapshot, whole, or has no place for any', async () => {
      const { snapshots } = log;
      if (snapshots === null) return;
      const kept = async (): Promise<string | null> => {
        const bytes = await snapshots.read();
        if (bytes === null) return null;
        const pieces: Uint8Array[] = [];
        for await (const piece of bytes) pieces.push(piece);
        return Buffer.concat(pieces).toString();
      };
      expect(await kept()).toBeNull();
      for (const [word, times] of [
        ['many pieces', 40_000],
        ['few', 2],
      ] as const) {
        const draft = await snapshots.begin();
        for (let piece = 0; piece < 4; piece += 1) await draft.add(Buffer.from(word.repeat(times)));
        await draft.keep();
        expect((await kept()) === word.repeat(4 * times)).toBe(true);
      }
      const draft = await snapshots.begin();
      await draft.add(Buffer.from('something else'));
      await draft.drop();
      expect(await kept()).toBe('few'.repeat(8));
    });

    test('follow gives the past, then the new, then ends with its signal', async () => {
      await log.append([submitted('a')], 0);
      const stop = new AbortController();
      const seen: number[] = [];
      const following = (async () => {
        for await (const entry of log.follow(0, stop.signal, 'full')) {
          seen.push(entry.position);
          if (entry.position === 1) void log.append([submitted('b'), submitted('c')], 1);
          if (entry.position === 3) stop.abort();
        }
      })();
      await following;
      expect(seen).toEqual([1, 2, 3]);
    });

    test.each(['head', 'row', 'full'] as const)(
      'a log that is closed ends no reader as if there were no more: %s',
      async (detail) => {
        await log.append(
          Array.from({ length: 1200 }, (_, i) => submitted(`s${i}`)),
          0,
        );
        const never = new AbortController().signal;
        const follower = (async () => {
          for await (const _ of log.follow(1200, never, detail));
        })();
        const following = expect(follower).rejects.toThrow(/was closed while it was read/);
        let seen = 0;
        const reader = (async () => {
          for await (const _ of log.read(0, detail)) {
            seen += 1;
            if (seen === 1) await log.close();
          }
        })();
        // What it had at hand by then it may give; but all of it, or an error.
        await reader.then(
          () => expect(seen).toBe(1200),
          (error: Error) => expect(error.message).toMatch(/was closed while it was read/),
        );
        await following;
      },
    );

    test('reading ends where the log ended when reading began', async () => {
      await log.append([submitted('a'), submitted('b')], 0);
      const seen: number[] = [];
      for await (const entry of log.read(0, 'full')) {
        seen.push(entry.position);
        await log.append([submitted('late')], 2);
      }
      expect(seen).toEqual([1, 2]);
    });

    test('an entry says the same at every level of detail', async () => {
      const fact = measured('t1');
      await log.append([submitted('a'), fact], 0);
      for (const position of [1, 2]) {
        const [head, row, full] = await Promise.all([
          log.get(position, 'head'),
          log.get(position, 'row'),
          log.get(position, 'full'),
        ]);
        expect([head.position, row.position, full.position]).toEqual([position, position, position]);
        expect(head.head).toEqual(headOf(full.fact));
        expect([row.head, full.head]).toEqual([head.head, head.head]);
      }
      const [sweep, row, full] = await Promise.all([
        log.get(1, 'row'),
        log.get(2, 'row'),
        log.get(2, 'full'),
      ]);
      expect(sweep.fact).toEqual(submitted('a'));
      expect(sweep.recordJson).toBeNull();
      expect(full.fact).toEqual(fact);
      const { given: _, ...whole } = fact.record;
      const inRow = { ...whole, phases: [], tokenSeconds: [], samples: [] };
      expect(row.fact).toEqual({ fact: 'ResultRecorded', record: inRow });
      expect(JSON.parse(row.recordJson ?? '')).toEqual(inRow);
      expect(JSON.parse(full.recordJson ?? '')).toEqual(fact.record);
      for (const detail of ['head', 'row', 'full'] as const) {
        const read = await collect(log.read(0, detail));
        expect(read.map(({ position, head }) => ({ position, head }))).toEqual([
          { position: 1, head: submitted('a') },
          { position: 2, head: headOf(fact) },
        ]);
      }
    });

    test('an entry that is not there is an error with its number', async () => {
      await log.append([submitted('a')], 0);
      await expect(log.get(2, 'full')).rejects.toThrow(/^The log .* has no entry 2\.$/);
    });

    test('a log that is led is written to under the term, and the term is no entry; nothing is once it is over', async () => {
      await log.append([submitted('a')], 0);
      const term = await lead(log);
      expect([term.lasts, term.over.aborted, term.nodesBefore]).toEqual([true, false, []]);
      expect(await log.end()).toBe(1);
      expect(await log.append([submitted('b')], 1, term)).toEqual({ appended: true, position: 2 });
      expect((await collect(log.read(0, 'head'))).map((e) => e.position)).toEqual([1, 2]);
      await term.noteNodes(['node-a', 'node-b']);
      await term.resign(['node-b']);
      expect([term.lasts, term.over.aborted]).toEqual([false, true]);
      await expect(log.append([submitted('c')], 2, term)).rejects.toThrow(/^This coordinator leads no more/);
      const next = await lead(log);
      expect(next.token).not.toBe(term.token);
      expect(await log.append([submitted('c')], 2, next)).toEqual({ appended: true, position: 3 });
      await expect(log.append([submitted('d')], 3, term)).rejects.toThrow(/^This coordinator leads no more/);
    });

    test('many entries come back in order', async () => {
      const trials = Array.from({ length: 100 }, (_, index) => `t${index}`);
      await log.append(trials.map(recorded), 0);
      const entries = await collect(log.read(0, 'full'));
      expect(entries.map((e) => (e.fact.fact === 'ResultRecorded' ? e.fact.record.trialId : ''))).toEqual(
        trials,
      );
    });
  });
}

/** What logs promise that several coordinators share; each `open` is another client of the same log. */
export function sharedLogContract(name: string, open: (log: string) => Promise<Log>): void {
  describe(`${name}, shared`, () => {
    let logs: Log[] = [];
    const opened = async (): Promise<[Log, Log]> => {
      names += 1;
      logs = [await open(`shared${names}`), await open(`shared${names}`)];
      return logs as [Log, Log];
    };
    afterEach(async () => {
      await Promise.all(logs.map((log) => log.close()));
    });

    test('one leads; the other hears where, and leads at once when that one resigns, with the nodes that it knew', async () => {
      const [one, two] = await opened();
      const term = await lead(one);
      expect(await one.append([submitted('a')], 0, term)).toMatchObject({ appended: true });
      await term.noteNodes(['node-a', 'node-b']);
      const asking = candidate(two);
      await expect.poll(() => asking.heard.length, PATIENT).toBeGreaterThan(1);
      expect(await Promise.race([asking.term, 'waits'])).toBe('waits');
      expect(new Set(asking.heard)).toEqual(new Set([expect.stringMatching(/^localhost:/)]));
      await term.resign(['node-b']);
      const next = await asking.term;
      expect([next.nodesBefore, next.lasts, term.lasts]).toEqual([['node-b'], true, false]);
      expect(await two.append([submitted('b')], 1, next)).toEqual({ appended: true, position: 2 });
      // Position is right: it is the term that stands against it.
      await expect(one.append([submitted('c')], 2, term)).rejects.toThrow(/^This coordinator leads no more/);
    });

    test('an append that another term outran is refused, though its writer knows nothing of it', async () => {
      const [one, two] = await opened();
      // A clock that stands still believes in its term for ever.
      const term = await lead(one);
      const stopped: Term = { ...term, token: term.token, nodesBefore: [], lasts: true, over: term.over };
      await term.resign([]);
      const next = await lead(two);
      expect(await two.append([submitted('a')], 0, next)).toEqual({ appended: true, position: 1 });
      const outcome = await one.append([submitted('b')], 0, stopped).catch((error: Error) => error.message);
      expect(outcome).toSatisfy(
        (it: unknown) => typeof it === 'string' || !(it as { appended: boolean }).appended,
      );
      expect(await two.end()).toBe(1);
    });

    test('of several that want to lead at once one does', async () => {
      const asking = (await opened()).map((log) => candidate(log));
      await Promise.race(asking.map(({ term }) => term));
      // The other one asks on. What it was asking meanwhile may have been answered before.
      const before = asking.map(({ heard }) => heard.length);
      const askedSince = () => asking.some(({ heard }, i) => heard.length > before[i]! + 1);
      await expect.poll(askedSince, PATIENT).toBe(true);
      expect(asking.filter(({ led }) => led())).toHaveLength(1);
      const loser = asking.find(({ led }) => !led())!;
      expect(loser.heard.at(-1)).toMatch(/^localhost:/);
      for (const { stop } of asking) stop();
      await Promise.allSettled(asking.map(({ term }) => term));
    });
  });
}

/**
 * What happens to leases of a second in real time: a process that stands still for so long loses its lease,
 * as it should.
 */
export function leaseContract(name: string, open: (log: string) => Promise<Log>): void {
  describe(`${name}, with leases of a second`, () => {
    let logs: Log[] = [];
    const opened = async (log: string): Promise<[Log, Log]> => {
      logs = [await open(log), await open(log)];
      return logs as [Log, Log];
    };
    afterEach(async () => {
      await Promise.all(logs.map((log) => log.close()));
    });

    test('who leads leads for longer than its lease was taken for', async () => {
      const [one, two] = await opened(`renewed${++names}`);
      const term = await lead(one, 1);
      const asking = candidate(two, 1);
      await sleep(2500);
      expect([term.lasts, asking.led()]).toEqual([true, false]);
      await term.resign([]);
      await asking.term;
    });

    test('who is gone without a word has led when its lease runs out; what it knew of nodes stays', async () => {
      const [one, two] = await opened(`gone${++names}`);
      const term = await lead(one, 1);
      await term.noteNodes(['node-a']);
      // Its renewals end here, as those of a process that was killed.
      await one.close();
      expect(term.lasts).toBe(false);
      const next = await lead(two, 1);
      expect(next.nodesBefore).toEqual(['node-a']);
      expect(await two.append([submitted('a')], 0, next)).toEqual({ appended: true, position: 1 });
    });
  });
}
