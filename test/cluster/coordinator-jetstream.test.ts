import { randomBytes } from 'node:crypto';
import { connect, DiscardPolicy, headers, type NatsConnection, type StreamConfig } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimOf } from '../../coordinator/log/jetstream/appends.js';
import { JetStreamLog } from '../../coordinator/log/jetstream.js';
import type { Fact, HeadEntry } from '../../coordinator/log/log.js';
import { LONG } from '../support/cases.js';
import { fillStream, largeFact, readSlowly } from '../support/jetstream-load.js';
import { hasNatsServer, NATS_VERSIONS, NatsServer, oldNatsServer } from '../support/nats-server.js';
import { lead, logContract, sharedLogContract } from '../unit/coordinator/log.contract.js';
import { recorded, submitted } from '../unit/coordinator/log-facts.js';

async function positionsOf(entries: AsyncIterable<HeadEntry>): Promise<number[]> {
  const positions: number[] = [];
  for await (const { position } of entries) positions.push(position);
  return positions;
}

const optionsOf = (server: NatsServer, stream: string) => ({
  servers: [server.url],
  stream,
  replicas: 1,
  credentialsFile: null,
});

/** The oldest line; the other tests with a server have the newest. */
const VERSIONS = LONG ? NATS_VERSIONS : NATS_VERSIONS.slice(0, 1);

describe.skipIf(!hasNatsServer).each(VERSIONS)('needs nats-server %s', (version) => {
  let server: NatsServer;
  let streams = 0;
  beforeAll(async () => {
    server = await NatsServer.start({ version, configuration: 'max_payload: 128KB' });
  });
  afterAll(() => server.stop());

  const options = (stream: string) => optionsOf(server, stream);

  logContract('JetStream log', () => JetStreamLog.open(options(`CONTRACT${streams++}`)));

  test('two coordinators on one stream: one append wins, both read the same', async () => {
    const one = await JetStreamLog.open(options('SHARED'));
    const two = await JetStreamLog.open(options('SHARED'));
    const outcomes = await Promise.all([one.append([submitted('a')], 0), two.append([submitted('b')], 0)]);
    expect(outcomes.filter((outcome) => outcome.appended)).toHaveLength(1);
    expect([await one.end(), await two.end()]).toEqual([1, 1]);
    await one.append([recorded('t1')], 1);
    // The other one learns of the trial before it writes, so it drops the repetition.
    expect(await two.append([recorded('t1'), submitted('c')], 2)).toEqual({ appended: true, position: 3 });
    await one.close();
    await two.close();
  });

  test('a follower hears of what another coordinator appends', async () => {
    const one = await JetStreamLog.open(options('FOLLOWED'));
    const two = await JetStreamLog.open(options('FOLLOWED'));
    const stop = new AbortController();
    void two.append([submitted('a'), submitted('b')], 0);
    const seen: number[] = [];
    for await (const entry of one.follow(0, stop.signal, 'full')) {
      seen.push(entry.position);
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual([1, 2]);
    await one.close();
    await two.close();
  });

  sharedLogContract('JetStream log', (stream) => JetStreamLog.open(options(stream)));

  test('what it survives is said by a monitoring address, or unknown', async () => {
    const log = await JetStreamLog.open(options('UNKNOWN'));
    expect(await log.durability()).toMatchObject({
      level: 'unknown',
      sentence: expect.stringMatching(
        /^Durability unknown: .*monitoring address of the server as `monitor`\.$/,
      ),
    });
    await log.close();
    const monitored = await JetStreamLog.open({ ...options('MONITORED'), monitor: server.monitor });
    expect(await monitored.durability()).toEqual({
      level: 'delayed',
      sentence:
        'A power cut of the server may cost what was acknowledged in the last 120 s: set sync_interval to always there.',
    });
    await monitored.close();
    const always = await NatsServer.start({ version, configuration: 'jetstream { sync_interval: always }' });
    const synced = await JetStreamLog.open({ ...optionsOf(always, 'SYNCED'), monitor: always.monitor });
    expect(await synced.durability()).toMatchObject({ level: 'synced' });
    await synced.close();
    await always.stop();
    const gone = await JetStreamLog.open({ ...options('GONE'), monitor: always.monitor });
    expect((await gone.durability()).sentence).toMatch(
      /^Durability unknown: .* cannot be read: .*ECONNREFUSED/,
    );
    await gone.close();
  });

  test('whoever claims a stream past the lease ends the term of the one that leads it', async () => {
    const log = await JetStreamLog.open(options('CLAIMED'));
    const term = await lead(log, 3);
    await log.append([submitted('a')], 0, term);
    const connection = await connect({ servers: server.url });
    const { headers: claim, body } = await claimOf('of-somebody-else', 2);
    await connection.jetstream().publish('CLAIMED.facts', body, { headers: claim });
    await expect(log.append([submitted('b')], 1, term)).rejects.toThrow(/another has taken over/);
    expect(term.over.aborted).toBe(true);
    // Nobody renews the lease, so that it is free when it has run out.
    const again = await lead(log);
    expect(await log.append([submitted('b')], 1, again)).toEqual({ appended: true, position: 2 });
    await log.close();
    await connection.close();
  });

  test('an append larger than a message of the server is written in parts and read as one', async () => {
    const log = await JetStreamLog.open(options('PARTS'));
    const facts = [submitted('a'), largeFact('t1', 400_000), largeFact('t2', 200_000)];
    expect(await log.append(facts, 0)).toEqual({ appended: true, position: 3 });
    expect(await log.append([largeFact('t1', 100_000), submitted('b')], 3)).toMatchObject({ position: 4 });
    await log.close();
    const again = await JetStreamLog.open(options('PARTS'));
    const read: Fact[] = [];
    for await (const { fact } of again.read(0, 'full')) read.push(fact);
    expect(read).toEqual([...facts, submitted('b')]);
    // A repetition is known after a restart as well.
    expect(await again.append([facts[1]!], 4)).toEqual({ appended: true, position: 4 });
    await again.close();
  });

  test('trials that no header has room for are known after a restart', async () => {
    const log = await JetStreamLog.open(options('TRIALS'));
    const trials = Array.from({ length: 800 }, (_, index) => `${'t'.repeat(60)}${index}`);
    await log.append(trials.map(recorded), 0);
    await log.close();
    const again = await JetStreamLog.open(options('TRIALS'));
    expect(await again.append(trials.slice(700).map(recorded), 800)).toEqual({
      appended: true,
      position: 800,
    });
    await again.close();
  });

  test('heads in headers are what was written, in any script and of any length', async () => {
    const log = await JetStreamLog.open(options('HEADS'));
    const facts = ['Größe \n 大小 \u0000 \u2028', 'x'.repeat(50_000)].map((reason): Fact => {
      return { fact: 'SweepCancelled', sweepId: 's', reason, at: '2025-01-01T00:00:00Z' };
    });
    for (const [index, fact] of facts.entries()) await log.append([fact], index);
    const heads: unknown[] = [];
    for await (const { head } of log.read(0, 'head')) heads.push(head);
    expect(heads).toEqual(facts);
    await log.close();
  });

  test('parts that a crash or another coordinator interrupted take no positions', async () => {
    const [one, two] = [await JetStreamLog.open(options('TORN')), await JetStreamLog.open(options('TORN'))];
    await one.append([submitted('a')], 0);
    const connection = await connect({ servers: server.url });
    // What an append of three parts leaves when its writer dies after the second.
    for (const part of ['1/3', '2/3']) await publishPart(connection, 'TORN', part, 2);
    expect(await one.append([submitted('b')], 1)).toEqual({ appended: true, position: 2 });
    // An append whose first part is there, and then somebody else's.
    await publishPart(connection, 'TORN', '1/2', 3);
    expect(await two.append([submitted('c')], 2)).toEqual({ appended: true, position: 3 });
    await publishPart(connection, 'TORN', '2/2', 3);
    const three = await JetStreamLog.open(options('TORN'));
    for (const log of [one, two, three]) expect(await positionsOf(log.read(0, 'full'))).toEqual([1, 2, 3]);
    await Promise.all([one, two, three, connection].map((open) => open.close()));
  });

  test('a slow reader gets every record whole, while the server is killed and started again', async () => {
    const own = await NatsServer.start({ version });
    try {
      const log = await JetStreamLog.open(optionsOf(own, 'SLOW'));
      const records = LONG ? 240 : 80;
      const filled = await fillStream(log, { records, bytes: [1_000, 800_000] });
      let kills = 0;
      const read = await readSlowly(log, filled, async (position) => {
        if (position % 80 !== 40) return;
        kills += 1;
        await own.kill();
        await own.restart();
      });
      expect([read, kills]).toEqual([records, records / 80]);
      await log.close();
      const again = await JetStreamLog.open(optionsOf(own, 'SLOW'));
      expect(await readSlowly(again, filled)).toBe(records);
      await again.close();
    } finally {
      await own.stop();
    }
  }, 60_000);

  test('a server that goes away and stays away is an error, never an end', async () => {
    const own = await NatsServer.start({ version });
    try {
      const log = await JetStreamLog.open({ ...optionsOf(own, 'AWAY'), patienceSeconds: 1 });
      const filled = await fillStream(log, { records: 60, bytes: [200_000, 200_000] });
      const reading = readSlowly(log, filled, async (position) => {
        if (position === 2) await own.kill();
      });
      await expect(reading).rejects.toThrow(
        /^(The JetStream stream AWAY does not give|The log on NATS cannot)/,
      );
      await log.close();
    } finally {
      await own.stop();
    }
  }, 30_000);

  test('a missing message is an error that names it, and never an end', async () => {
    const log = await JetStreamLog.open(options('GAP'));
    for (let index = 0; index < 9; index += 1) await log.append([submitted(`s${index}`)], index);
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { position } of log.read(0, 'full')) {
        seen.push(position);
        if (position === 2) await forget('GAP', 2);
      }
    };
    await expect(reading()).rejects.toThrow('The JetStream stream GAP lacks messages 6 to 7.');
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    await log.close();
    // Nor does a coordinator start on such a stream.
    await expect(JetStreamLog.open(options('GAP'))).rejects.toThrow(
      /GAP can lose facts: .*messages 1 to 7 are gone/,
    );
  });

  /** Takes a stream's oldest messages away, behind the log's back: deleting them is denied. */
  async function forget(stream: string, kept: number): Promise<void> {
    const connection = await connect({ servers: server.url });
    const manager = await connection.jetstreamManager();
    await manager.streams.update(stream, { discard: DiscardPolicy.Old, max_msgs: kept });
    await connection.close();
  }

  test('a log that is closed while it is read says so', async () => {
    const log = await JetStreamLog.open(options('CLOSED'));
    await fillStream(log, { records: 20, bytes: [1_000, 1_000] });
    const closing = (async () => {
      for await (const { position } of log.read(0, 'full')) if (position === 3) await log.close();
    })();
    await expect(closing).rejects.toThrow(/was closed while it was read/);
    await expect(positionsOf(log.follow(0, new AbortController().signal, 'full'))).rejects.toThrow(/closed/);
  });

  test('a stream that was deleted and created again is not taken for the same', async () => {
    const log = await JetStreamLog.open(options('AGAIN'));
    await log.append([submitted('a')], 0);
    const connection = await connect({ servers: server.url });
    await (await connection.jetstreamManager()).streams.delete('AGAIN');
    const other = await JetStreamLog.open(options('AGAIN'));
    await other.append([submitted('b'), submitted('c')], 0);
    await expect(log.append([submitted('d')], 1)).rejects.toThrow(/was deleted and created again/);
    await Promise.all([log, other, connection].map((open) => open.close()));
  });

  test.each([
    ['discard', { discard: 'old' }],
    ['max_age', { max_age: 3_600_000_000_000, duplicate_window: 60_000_000_000 }],
    ['retention', { retention: 'workqueue' }],
    ['storage', { storage: 'memory' }],
    ['subjects', { subjects: ['ODD.facts', 'ODD.other'] }],
    ['deny_delete', { deny_delete: false }],
    ['max_msgs_per_subject', { max_msgs_per_subject: 10 }],
  ] as const)('a stream that can lose facts by its %s is refused', async (name, change) => {
    const connection = await connect({ servers: server.url });
    const manager = await connection.jetstreamManager();
    const good = {
      name: 'ODD',
      subjects: ['ODD.facts'],
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      deny_delete: true,
      deny_purge: true,
    };
    await manager.streams.add({ ...good, ...change } as unknown as Partial<StreamConfig>);
    await expect(JetStreamLog.open(options('ODD'))).rejects.toThrow(
      new RegExp(`^The JetStream stream ODD can lose facts: .*${name}`),
    );
    await manager.streams.delete('ODD');
    await connection.close();
  });

  test('a server that is not there is one sentence', async () => {
    const away = { ...options('X'), servers: ['nats://127.0.0.1:9'] };
    await expect(JetStreamLog.open(away)).rejects.toThrow(
      /^The log on nats:\/\/127\.0\.0\.1:9 cannot be used/,
    );
  });
});

test.skipIf(!hasNatsServer)(
  'an append beyond the largest is refused as too large, none of it written',
  async () => {
    const server = await NatsServer.start();
    const log = await JetStreamLog.open(optionsOf(server, 'LARGE'));
    const document = randomBytes(65 * 1024 * 1024).toString('base64');
    const huge = { ...submitted('a'), document } as Fact;
    await expect(log.append([huge], 0)).rejects.toMatchObject({ failure: { code: 'too-large' } });
    expect(await log.append([submitted('a')], 0)).toEqual({ appended: true, position: 1 });
    await log.close();
    await server.stop();
  },
  180_000,
);

test.skipIf(oldNatsServer === null)(
  'a server of an older release is refused with what is needed',
  async () => {
    const server = await NatsServer.start({ program: oldNatsServer ?? '' });
    await expect(JetStreamLog.open(optionsOf(server, 'OLD'))).rejects.toThrow(
      /^The NATS server is version 2\.\d+\.\d+; the log needs 2\.12 or newer\.$/,
    );
    await server.stop();
  },
);

async function publishPart(connection: NatsConnection, stream: string, part: string, first: number) {
  const header = headers();
  header.set('Ridgepoint-First', String(first));
  header.set('Ridgepoint-Count', '1');
  header.set('Ridgepoint-Part', part);
  header.set('Ridgepoint-Group', 'a-writer-that-died');
  await connection.jetstream().publish(`${stream}.facts`, 'half of an append', { headers: header });
}
