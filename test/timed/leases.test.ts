import { afterAll, beforeAll, describe } from 'vitest';
import { JetStreamLog } from '../../coordinator/log/jetstream.js';
import { PostgresLog } from '../../coordinator/log/postgres.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { leaseContract } from '../unit/coordinator/log.contract.js';

describe.skipIf(!hasPostgres)('needs PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  leaseContract('PostgreSQL log', (schema) =>
    PostgresLog.open({ url: server.url(`schema=${schema}`), patienceSeconds: 10 }),
  );
});

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.stop());

  leaseContract('JetStream log', (stream) =>
    JetStreamLog.open({ servers: [server.url], stream, replicas: 1, credentialsFile: null }),
  );
});
