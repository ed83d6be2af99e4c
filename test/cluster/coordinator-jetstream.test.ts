import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JetStreamLog } from '../../coordinator/log/jetstream.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { logContract } from '../unit/coordinator/log.contract.js';
import { recorded, submitted } from '../unit/coordinator/log-facts.js';

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  let server: NatsServer;
  let streams = 0;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.stop());

  const options = (stream: string) => ({ servers: [server.url], stream, replicas: 1, credentialsFile: null });

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

  test('a result larger than the server takes is refused with what to change', async () => {
    const log = await JetStreamLog.open(options('LARGE'));
    const noise = Array.from({ length: 400_000 }, () => Math.random());
    const fact = recorded('t1');
    if (fact.fact !== 'ResultRecorded') throw new Error('unreachable');
    const large = { ...fact, record: { ...fact.record, tokenSeconds: [noise] } };
    await expect(log.append([large], 0)).rejects.toMatchObject({
      failure: { hint: expect.stringContaining('max_payload') },
    });
    expect(await log.end()).toBe(0);
    await log.close();
  });

  test('a server that is not there is one sentence', async () => {
    const away = { ...options('X'), servers: ['nats://127.0.0.1:9'] };
    await expect(JetStreamLog.open(away)).rejects.toThrow(
      /^The log on nats:\/\/127\.0\.0\.1:9 cannot be used/,
    );
  });
});
