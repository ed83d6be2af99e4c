import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyLog } from '../../../coordinator/log/copy.js';
import type { Fact, Log } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { type Break, breakSentence, verifyLog } from '../../../coordinator/log/verify.js';
import { lead } from './log.contract.js';
import { measured, recorded, submitted } from './log-facts.js';

/** A place where a log lies, and what may happen to it there. What a kind of log cannot suffer is null. */
export interface LogPlace {
  /** Opens the log again, or once more beside others that are open. */
  open(): Promise<Log>;
  /**
   * What is written from here on arrives and its acknowledgement does not; a while later the connection
   * breaks.
   */
  readonly loseAnswers: (() => void) | null;
  /**
   * Whoever is connected hears nothing of the server any more, as of a machine without power; who connects
   * anew does.
   */
  readonly silence: (() => void) | null;
  /** Each answer takes so much longer. */
  readonly delayAnswers: ((milliseconds: number) => void) | null;
  /** `kill -9` of the server, and its start again. */
  readonly restart: { kill(): Promise<void>; start(): Promise<void> } | null;
  /** Changes some bytes of the last entry where it is stored, while nobody has it open. */
  readonly damageLast: (() => Promise<void>) | null;
  /** Takes the last entry away, as a disk does that lost it. */
  readonly loseLast: (() => Promise<void>) | null;
  close(): Promise<void>;
}

/** What every log has to come through; run by each kind of log that this machine has. */
export function logFaults(name: string, at: () => Promise<LogPlace>): void {
  describe(`${name} and what goes wrong`, () => {
    let place: LogPlace;
    const open: Log[] = [];
    const opened = async (): Promise<Log> => {
      const log = await place.open();
      open.push(log);
      return log;
    };
    const closeAll = async (): Promise<void> => {
      for (const log of open.splice(0)) await log.close();
    };
    beforeEach(async () => {
      place = await at();
    });
    afterEach(async () => {
      await closeAll();
      await place.close();
    });

    test('an append whose acknowledgement is lost is there once', async ({ skip }) => {
      const { loseAnswers } = place;
      if (loseAnswers === null) return skip('there is nobody between');
      const log = await opened();
      const term = await lead(log, 30);
      await log.append([submitted('a')], 0, term);
      for (let round = 0; round < 3; round += 1) {
        const facts = [recorded(`t${round}`), submitted(`s${round}`)];
        const end = 1 + 2 * round;
        loseAnswers();
        expect(await log.append(facts, end, term)).toEqual({ appended: true, position: end + 2 });
      }
      expect(await factsOf(log)).toEqual([
        submitted('a'),
        ...[0, 1, 2].flatMap((round) => [recorded(`t${round}`), submitted(`s${round}`)]),
      ]);
      expect((await verifyLog(log)).breaks).toEqual([]);
    });

    test('a server that is gone without a word is noticed within seconds, and what waits is asked again', async ({
      skip,
    }) => {
      const { silence } = place;
      if (silence === null) return skip('there is nobody between');
      const [one, other] = [await opened(), await opened()];
      await lead(other, 60);
      const over = new AbortController();
      const candidate = { holder: 'one', grpc: 'one:1', web: null, seconds: 60 };
      const standing = one
        .lead(candidate, { signal: over.signal, onLeader: () => undefined })
        .catch(() => undefined);
      await one.append([submitted('a')], 0);
      silence();
      expect(await one.append([recorded('t1')], 1)).toEqual({ appended: true, position: 2 });
      expect(await factsOf(one)).toHaveLength(2);
      over.abort();
      await standing;
    }, 40_000);

    test('a slow disk makes appends slow, and nothing else', async ({ skip }) => {
      const { delayAnswers } = place;
      if (delayAnswers === null) return skip('there is nobody between');
      const log = await opened();
      delayAnswers(300);
      const outcomes = [];
      for (let end = 0; end < 3; end += 1) outcomes.push(await log.append([recorded(`t${end}`)], end));
      delayAnswers(0);
      expect(outcomes.map(({ position }) => position)).toEqual([1, 2, 3]);
      expect(await factsOf(log)).toEqual([0, 1, 2].map((trial) => recorded(`t${trial}`)));
    });

    test('a server that is killed is waited for, by who appends and who reads', async ({ skip }) => {
      const { restart } = place;
      if (restart === null) return skip('it has no server');
      const log = await opened();
      const term = await lead(log, 30);
      await log.append([submitted('a'), recorded('t1')], 0, term);
      await restart.kill();
      const [appended, read] = [log.append([recorded('t2')], 2, term), factsOf(log)];
      await restart.start();
      expect(await appended).toEqual({ appended: true, position: 3 });
      expect((await read).slice(0, 2)).toEqual([submitted('a'), recorded('t1')]);
      expect(await factsOf(log)).toHaveLength(3);
    });

    test('two writers that race leave one log without gaps, with each trial once', async ({ skip }) => {
      const one = await opened();
      const two = await place.open().catch((error: Error) => error.message);
      if (typeof two === 'string') {
        expect(two).toMatch(/is in use by another process/);
        return skip('it has one writer, and the second is told so');
      }
      open.push(two);
      const write = async (log: Log, name: string): Promise<void> => {
        let end = await log.end();
        for (let written = 0; written < 20; ) {
          const outcome = await log.append(
            [recorded(`shared${written}`), submitted(`${name}${written}`)],
            end,
          );
          if (outcome.appended) written += 1;
          end = outcome.position;
        }
      };
      await Promise.all([write(one, 'one'), write(two, 'two')]);
      const facts = await factsOf(one);
      expect(facts).toHaveLength(60);
      expect(new Set(facts.map((fact) => JSON.stringify(fact))).size).toBe(60);
      expect(await factsOf(two)).toEqual(facts);
      expect((await verifyLog(two)).breaks).toEqual([]);
    });

    test('what is whole is told from what was changed, and from what is not there', async ({ skip }) => {
      const { damageLast, loseLast } = place;
      if (damageLast === null || loseLast === null) return skip('nothing is stored');
      const log = await opened();
      await log.append([submitted('a'), measured('t1')], 0);
      await log.append([measured('t2')], 2);
      await log.append([submitted('b')], 3);
      expect(await verifyLog(log)).toEqual({ entries: 4, breaks: [] });
      await closeAll();

      await damageLast();
      const damaged = await brokenAt(opened);
      expect(damaged).toEqual([{ kind: 'changed', first: 4, last: 4 }]);
      expect(breakSentence(damaged[0]!)).toBe(
        'Entry 4 is not what was written: content and checksum do not agree.',
      );
      await closeAll();

      await loseLast();
      // Who knows where a log ended says that something is missing; else it ends earlier, and what is left is
      // whole.
      const left = await brokenAt(opened);
      expect([[], [{ kind: 'short', first: 4, last: 4 }]]).toContainEqual(left);
    });

    test('it is copied to another log and back, broken off and all, with its checksums', async () => {
      const log = await opened();
      await log.append([submitted('a'), measured('t1'), recorded('t2')], 0);
      const copy = new MemoryLog();
      const first = await copyLog(log, copy);
      expect(first).toMatchObject({ before: 0, copied: 3 });
      await log.append([measured('t3')], 3);
      expect(await copyLog(log, copy)).toMatchObject({ before: 3, copied: 1 });
      expect(await factsOf(copy)).toEqual(await factsOf(log));
      const other = new MemoryLog();
      await other.append([submitted('other')], 0);
      await expect(copyLog(log, other)).rejects.toThrow(/holds other entries than the first 1 to copy/);
      await copy.append([submitted('later')], 4);
      expect(await copyLog(copy, log)).toMatchObject({ before: 4, copied: 1 });
      expect((await verifyLog(log)).breaks).toEqual([]);
    });
  });
}

async function factsOf(log: Log): Promise<Fact[]> {
  const facts: Fact[] = [];
  for await (const entry of log.read(0, 'full')) facts.push(entry.fact);
  return facts;
}

async function brokenAt(opened: () => Promise<Log>): Promise<readonly Break[]> {
  return (await verifyLog(await opened())).breaks;
}
