import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readAddress } from '../../../coordinator/log/postgres/address.js';
import { temporaryFolder } from '../../support/folder.js';

const variable = 'RIDGEPOINT_TEST_PASSWORD';
afterEach(() => {
  delete process.env[variable];
});

test('an address names servers, database, user and schema, and is shown without who logs in', () => {
  const address = readAddress('postgres://ridge@db-1:6432,db-2/logs?schema=team_a');
  expect(address).toMatchObject({
    hosts: [
      { host: 'db-1', port: 6432 },
      { host: 'db-2', port: 5432 },
    ],
    database: 'logs',
    user: 'ridge',
    schema: 'team_a',
    text: 'postgres://db-1:6432,db-2:5432/logs',
  });
});

test.each([
  ['postgres://', '127.0.0.1', userInfo().username],
  ['postgresql://u@[::1]:5433/d', '::1', 'u'],
  ['postgres://u%40corp@/d?host=/var/run/postgresql', '/var/run/postgresql', 'u@corp'],
])('%s', (url, host, user) => {
  const address = readAddress(url);
  expect([address.hosts[0]?.host, address.user]).toEqual([host, user]);
});

test('TLS is spoken with servers elsewhere unless the address says otherwise', () => {
  const tls = (url: string) => readAddress(url).clientConfig(0).ssl;
  expect(tls('postgres://u@localhost/d')).toBe(false);
  expect(tls('postgres://u@/d?host=/run/pg')).toBe(false);
  expect(tls('postgres://u@db/d')).toEqual({});
  expect(tls('postgres://u@db/d?sslmode=disable')).toBe(false);
  expect(tls('postgres://u@localhost/d?sslmode=verify-full')).toEqual({});
  const file = join(temporaryFolder(), 'ca.pem');
  writeFileSync(file, 'PEM');
  expect(tls(`postgres://u@db/d?sslrootcert=${file}`)).toEqual({ ca: 'PEM' });
});

test('a password comes from a file or a variable, whenever it is asked for', () => {
  const file = join(temporaryFolder(), 'password');
  writeFileSync(file, 'old\n');
  const address = readAddress(`postgres://u@localhost/d?passwordFile=${encodeURIComponent(file)}`);
  expect(address.clientConfig(0).password).toBe('old');
  writeFileSync(file, 'new');
  expect(address.clientConfig(0).password).toBe('new');
  process.env[variable] = 'secret';
  expect(readAddress(`postgres://u@localhost/d?passwordVariable=${variable}`).clientConfig(0).password).toBe(
    'secret',
  );
  expect(readAddress('postgres://u@localhost/d').clientConfig(0).password).toBeUndefined();
});

test.each([
  ['postgres://u:hunter2@db/d', 'The address of the PostgreSQL log holds a password.'],
  ['postgres://u@db/d?password=hunter2', 'The address of the PostgreSQL log holds a password.'],
  ['mysql://u@db/d', 'The address of the PostgreSQL log is no URL.'],
  ['postgres://u@db/d?sslmod=off', 'The address of the PostgreSQL log has a parameter "sslmod".'],
  ['postgres://u@db/d?sslmode=prefer', 'The address of the PostgreSQL log has the sslmode "prefer".'],
  ['postgres://u@db/d?schema=Team;A', 'The address of the PostgreSQL log names the schema "Team;A".'],
  ['postgres://u@db:port/d', 'The address of the PostgreSQL log has no host and port in "db:port".'],
])('%s is refused in a sentence, without what is secret', (url, sentence) => {
  expect(() => readAddress(url)).toThrow(sentence);
});

test('what cannot be read is named', () => {
  const of = (parameter: string) => () =>
    readAddress(`postgres://u@localhost/d?${parameter}`).clientConfig(0);
  expect(of('passwordFile=/nowhere')).toThrow(
    /names the file \/nowhere, which cannot be read: there is no such file/,
  );
  expect(of('passwordVariable=NOT_SET_ANYWHERE')).toThrow(
    /names the variable NOT_SET_ANYWHERE, which is not set/,
  );
});
