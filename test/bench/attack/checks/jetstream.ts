import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'nats';
import type { Log } from '../../../../coordinator/log/log.js';
import { openLog } from '../../../../coordinator/log/open.js';
import type { FakeAgent } from '../../../support/fake-agent.js';
import { type Filled, fillStream, readSlowly } from '../../../support/jetstream-load.js';
import { NATS_VERSIONS, type NatsServer } from '../../../support/nats-server.js';
import { ridge } from '../../../support/ridge.js';
import { fakeSweep } from '../../../support/sweeps.js';
import { aNode, aRecord } from '../../../support/wire-records.js';
import type { Check, Outcome } from '../check.js';
import { completeOf, type Ground, submit, until, within } from '../ground.js';
import { countOf } from '../options.js';

const SMALL_RECORDS = 200;
const SMALL_BYTES = 10_000;
const LARGEST_BYTES = 800_000;
const LONG_RECORDS = 10_000;

const jetstream = (nats: NatsServer, stream = 'RIDGEPOINT') => ({
  kind: 'jetstream' as const,
  servers: [nats.url],
  stream,
  replicas: 1,
  credentialsFile: null,
});

export const jetstreamChecks: readonly Check[] = [
  ...NATS_VERSIONS.flatMap((version): Check[] => [
    {
      name: `jetstream-read-${version}`,
      claim: `${SMALL_RECORDS} records of 10 kB are read back whole by a slow reader (nats-server ${version})`,
      run: async (ground) => {
        const nats = await ground.nats(version);
        const filled = await fill(ground, nats, SMALL_RECORDS, [SMALL_BYTES, SMALL_BYTES]);
        return await readBack(ground, nats, filled, { pauseMilliseconds: 5, seconds: 60 });
      },
    },
    {
      name: `jetstream-killed-${version}`,
      claim: `a nats-server killed while a log is read costs no record, or is an error (nats-server ${version})`,
      run: async (ground) => {
        const nats = await ground.nats(version);
        const filled = await fill(ground, nats, 400, [1000, 100_000]);
        const killing = (async () => {
          for (let kills = 0; kills < 3; kills += 1) {
            await sleep(600);
            await nats.kill();
            await sleep(300);
            await nats.restart();
          }
        })();
        const read = await readBack(ground, nats, filled, {
          pauseMilliseconds: 8,
          seconds: 90,
          mayFail: true,
        });
        await killing;
        return read;
      },
    },
  ]),
  {
    name: 'jetstream-gap',
    claim: 'a gap in the stream is an error that is told, never the end of the log',
    run: async (ground) => {
      const nats = await ground.nats();
      const filled = await fill(ground, nats, 3, [1000, 1000]);
      await skipAPosition(nats);
      // An entry more than can be read: the one after the gap.
      const missing = [...filled, 'lost', 'after the gap'];
      return await readBack(ground, nats, missing, { pauseMilliseconds: 0, seconds: 30, mayFail: true });
    },
  },
  {
    name: 'jetstream-results',
    claim:
      '`ridge results` prints every row of a finished sweep, and the coordinator knows them after a restart',
    run: async (ground) => {
      const nats = await ground.nats();
      const points = 40;
      const target = await ground.coordinator({ log: jetstream(nats) });
      const control = ground.control(target);
      const sweepId = await submit(control, fakeSweep(points));
      const agent = await ground.fakeAgent(target);
      await finish(agent, 30_000);
      const rows = await csvRows(target.grpcAddress, sweepId);
      const again = await within(60, 'the coordinator to restart', ground.again(target));
      const complete = await completeOf(ground.control(again), sweepId);
      return {
        holds: rows.rows === points && rows.code === 0 && complete === points,
        figure: `${rows.rows} of ${points} rows with exit code ${rows.code}; ${complete} known after kill -9`,
      };
    },
  },
  {
    name: 'results-cut-short',
    claim: '`ridge results --no-wait` ends with non-zero when its log is gone before all is said',
    run: async (ground) => {
      const nats = await ground.nats();
      const points = 20;
      const target = await ground.coordinator({ log: jetstream(nats) });
      const sweepId = await submit(ground.control(target), fakeSweep(points));
      await finish(await ground.fakeAgent(target), 30_000);
      await nats.kill();
      const { rows, code } = await within(
        80,
        '`ridge results`',
        csvRows(target.grpcAddress, sweepId, '--no-wait'),
      );
      return {
        holds: code !== 0 && code !== null,
        figure: `exit code ${code} after ${rows} of ${points} rows`,
      };
    },
  },
  {
    name: 'results-broken-off',
    claim:
      'results that are being streamed when nats-server goes for good end with an error, or with the last of them',
    run: async (ground) => {
      const nats = await ground.nats();
      const points = 150;
      const target = await ground.coordinator({ log: jetstream(nats) });
      const control = ground.control(target);
      const sweepId = await submit(control, fakeSweep(points));
      await finish(await ground.fakeAgent(target), 200_000);
      let read = 0;
      let said = 'and then the end';
      const reading = async (): Promise<void> => {
        for await (const { recordJson } of control.streamResults({
          sweepId,
          follow: false,
          allTrials: true,
        })) {
          if (recordJson !== '') read += 1;
          if (read === 3) await nats.kill();
        }
      };
      await within(90, 'the next result', reading()).catch((error: Error) => {
        said = `and then: ${error.message}`;
      });
      const whole = read === points && said === 'and then the end';
      const honest = said.startsWith('and then: ') && !said.includes('waited');
      return { holds: whole || honest, figure: `${read} of ${points} read, ${said}` };
    },
  },
  {
    name: 'jetstream-two-coordinators',
    claim: 'two coordinators on one stream never measure a point twice',
    run: async (ground) => {
      const nats = await ground.nats();
      const points = 40;
      const [one, two] = [
        await ground.coordinator({ log: jetstream(nats) }),
        await ground.coordinator({ log: jetstream(nats) }),
      ];
      const control = ground.control(two);
      const sweepId = await submit(control, fakeSweep(points));
      // Handed over to both, so that both know of it at once; one that stands down refuses.
      await submit(ground.control(one), fakeSweep(points)).catch(() => undefined);
      let leases = 0;
      const working = [one, one, two, two].map(async (target, index) => {
        const agent = await ground.fakeAgent(target, { profile: aNode(`node-${index}`) });
        for (;;) {
          const lease = await agent.lease();
          leases += 1;
          await sleep(200);
          await agent.report(lease);
        }
      });
      for (const work of working) work.catch(() => undefined);
      const done = await until(60, async () =>
        (await completeOf(control, sweepId)) === points ? true : null,
      );
      return {
        holds: done === true && leases === points,
        figure: `${leases} leases for ${points} points, ${done === true ? 'all' : 'not all'} complete`,
      };
    },
  },
  {
    name: 'jetstream-long-read',
    claim:
      'records of 1 to 800 kB are read back whole by a slow reader, over restarts and a killed nats-server',
    seconds: 3600,
    run: async (ground) => {
      const nats = await ground.nats();
      const records = countOf('records', LONG_RECORDS);
      const filled = await fill(ground, nats, records, [1000, LARGEST_BYTES]);
      await nats.kill();
      await nats.restart();
      const killing = sleep(5000).then(async () => {
        await nats.kill();
        await nats.restart();
      });
      const read = await readBack(ground, nats, filled, { pauseMilliseconds: 1, seconds: 1800 });
      await killing;
      return read;
    },
  },
];

/** Appends that many records, of sizes from the smallest to the largest, through the log's own door. */
async function fill(
  ground: Ground,
  nats: NatsServer,
  records: number,
  bytes: readonly [number, number],
): Promise<Filled> {
  const log = await opened(ground, nats);
  const filled = await fillStream(log, { records, bytes });
  await log.close();
  return filled;
}

async function opened(ground: Ground, nats: NatsServer): Promise<Log> {
  const log = await openLog({ ...jetstream(nats), monitor: null });
  ground.later(() => log.close());
  return log;
}

interface Reading {
  readonly pauseMilliseconds: number;
  readonly seconds: number;
  /** An error that is told counts as an honest answer. */
  readonly mayFail?: boolean;
}

/** Reads a log from its beginning with a pause after each entry. */
async function readBack(
  ground: Ground,
  nats: NatsServer,
  filled: Filled,
  { pauseMilliseconds, seconds, mayFail = false }: Reading,
): Promise<Outcome> {
  let read = 0;
  const reading = async (): Promise<string> => {
    const log = await opened(ground, nats);
    await readSlowly(log, filled, async (position) => {
      read = position;
      await sleep(pauseMilliseconds);
    });
    return 'and then the end';
  };
  let [said, failed] = ['', false];
  try {
    said = await within(seconds, 'the next record', reading());
  } catch (error) {
    failed = true;
    said = `and then: ${(error as Error).message}`;
  }
  // Entries out of place and a reader that hangs are no honest answers.
  const honest = mayFail && failed && !/^and then: (waited|entry)/.test(said);
  return {
    holds: honest || (!failed && read === filled.length),
    figure: `${read} of ${filled.length} read, ${said}`,
  };
}

/** Appends what a damaged or foreign writer would: a message whose positions do not follow the one before. */
async function skipAPosition(nats: NatsServer): Promise<void> {
  const connection = await connect({ servers: [nats.url] });
  const manager = await connection.jetstreamManager();
  const last = await manager.streams.getMessage('RIDGEPOINT', { last_by_subj: 'RIDGEPOINT.facts' });
  const { header } = last;
  for (const key of header.keys()) {
    if (/first/i.test(key)) header.set(key, String(Number(header.get(key)) + 2));
    if (/msg-id|expected/i.test(key)) header.delete(key);
    if (/trials/i.test(key)) header.set(key, 't4');
  }
  await connection.jetstream().publish('RIDGEPOINT.facts', last.data, { headers: header });
  await connection.close();
}

/** Measures a whole sweep with records of about that size. */
async function finish(agent: FakeAgent, bytes: number): Promise<void> {
  for (;;) {
    const answer = await within(30, 'an answer', agent.ask());
    if (answer.$case === 'noWork') {
      if (answer.value.idle) return;
      await sleep(50);
      continue;
    }
    const lease = JSON.parse(answer.value.leaseJson);
    const noise = Array.from({ length: Math.floor(bytes / 19) }, () => Math.random());
    await agent.send({ ...aRecord(lease, agent.profile), tokenSeconds: [noise] });
    await within(30, 'an acknowledgement', agent.hear('resultAck'));
  }
}

async function csvRows(
  coordinator: string,
  sweepId: string,
  ...options: string[]
): Promise<{ rows: number; code: number | null }> {
  const words = ['results', sweepId, '--coordinator', coordinator, '--format', 'csv', ...options];
  const { stdout, code } = await ridge(words);
  return { rows: Math.max(0, stdout.trim().split('\n').length - 1), code };
}
