import { connect } from 'nats';
import { afterAll, beforeAll, describe } from 'vitest';
import { JetStreamLog } from '../../coordinator/log/jetstream.js';
import { PostgresLog } from '../../coordinator/log/postgres.js';
import { LONG } from '../support/cases.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { WireCutter } from '../support/wire-cutter.js';
import { type LogPlace, logFaults } from '../unit/coordinator/log.faults.js';

describe.skipIf(!hasPostgres)('needs PostgreSQL', () => {
  let server: PostgresServer;
  let places = 0;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  logFaults('PostgreSQL log', async (): Promise<LogPlace> => {
    places += 1;
    const schema = `faults${places}`;
    const cutter = await WireCutter.before(server.port);
    const url = `postgres://ridgepoint@127.0.0.1:${cutter.port}/postgres?schema=${schema}`;
    const last = `position = (SELECT max(position) FROM ${schema}.facts)`;
    return {
      open: () => PostgresLog.open({ url, patienceSeconds: 20 }),
      loseAnswers: () => cutter.loseAnswers(),
      silence: () => cutter.silence(),
      delayAnswers: (milliseconds) => cutter.delayAnswers(milliseconds),
      restart: { kill: () => server.kill(), start: () => server.restart() },
      damageLast: async () =>
        void (await server.query(
          `UPDATE ${schema}.facts SET head = replace(head, 'test', 'tesu') WHERE ${last}`,
        )),
      loseLast: async () => void (await server.query(`DELETE FROM ${schema}.facts WHERE ${last}`)),
      close: () => cutter.close(),
    };
  });
});

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  let server: NatsServer;
  let places = 0;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.stop());

  logFaults('JetStream log', async (): Promise<LogPlace> => {
    places += 1;
    let stream = `FAULTS${places}`;
    const cutter = await WireCutter.before(Number(new URL(server.url).port));
    /** A stream takes nothing back: another one gets what a damaged one would have. */
    const withLast = async (change: (heads: string) => string | null): Promise<void> => {
      const to = `${stream}X`;
      await (await JetStreamLog.open({ ...optionsOf(to), servers: [server.url] })).close();
      const connection = await connect({ servers: server.url });
      const manager = await connection.jetstreamManager();
      const { state } = await manager.streams.info(stream);
      for (let seq = 1; seq <= state.last_seq; seq += 1) {
        const { header, data } = await manager.streams.getMessage(stream, { seq });
        if (seq === state.last_seq) {
          const heads = change(header.get('Ridgepoint-Heads'));
          if (heads === null) continue;
          header.set('Ridgepoint-Heads', heads);
        }
        for (const name of [...header.keys()].filter((key) => key.startsWith('Nats-'))) header.delete(name);
        await connection.jetstream().publish(`${to}.facts`, data, { headers: header });
      }
      await connection.close();
      stream = to;
    };
    const optionsOf = (name: string) => ({
      stream: name,
      replicas: 1,
      credentialsFile: null,
      patienceSeconds: 20,
      servers: [`nats://127.0.0.1:${cutter.port}`],
    });
    return {
      open: () => JetStreamLog.open(optionsOf(stream)),
      loseAnswers: () => cutter.loseAnswers(),
      // Some 10 s of waiting for pings.
      silence: LONG ? () => cutter.silence() : null,
      delayAnswers: (milliseconds) => cutter.delayAnswers(milliseconds),
      restart: { kill: () => server.kill(), start: () => server.restart() },
      damageLast: () => withLast((heads) => heads.replace('test', 'tesu')),
      loseLast: () => withLast(() => null),
      close: () => cutter.close(),
    };
  });
});
