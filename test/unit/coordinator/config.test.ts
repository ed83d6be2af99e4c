import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig, resolveConfig } from '../../../coordinator/config.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();
const file = join(folder, 'coordinator.yaml');

describe('configuration', () => {
  test('without a word it listens on loopback only and keeps its log on disk', () => {
    const config = resolveConfig({});
    expect(config.grpcAddress).toMatch(/^127\.0\.0\.1:/);
    expect(config.metricsAddress).toMatch(/^127\.0\.0\.1:/);
    expect(config.security).toEqual({ kind: 'plaintext' });
    expect(config.log).toMatchObject({ kind: 'sqlite', path: expect.stringContaining('ridgepoint') });
  });

  test('what is given beats the environment, which beats the file', () => {
    writeFileSync(file, 'grpcAddress: 127.0.0.1:1\nmetricsAddress: 127.0.0.1:2\nleaseSeconds: 99\n');
    const env = { RIDGE_METRICS_ADDRESS: 'off', RIDGE_GRPC_ADDRESS: '127.0.0.1:3' };
    const config = readConfig({ grpcAddress: '127.0.0.1:4' }, env, file);
    expect(config).toMatchObject({ grpcAddress: '127.0.0.1:4', metricsAddress: null, leaseSeconds: 99 });
  });

  test.each([
    ['memory', { kind: 'memory' }],
    ['/var/lib/ridge/log.sqlite', { kind: 'sqlite', path: '/var/lib/ridge/log.sqlite' }],
    ['nats://a:4222,nats://b:4222', { kind: 'jetstream', servers: ['nats://a:4222', 'nats://b:4222'] }],
  ])('RIDGE_LOG=%s', (text, log) => {
    expect(readConfig({}, { RIDGE_LOG: text }, null).log).toMatchObject(log);
  });

  test('TLS from the environment: with a CA mutual, with tokens by token', () => {
    const tls = { RIDGE_TLS_CERT: 'c', RIDGE_TLS_KEY: 'k' };
    expect(readConfig({}, { ...tls, RIDGE_TLS_CA: 'ca' }, null).security).toMatchObject({
      kind: 'mutual-tls',
    });
    expect(readConfig({}, { ...tls, RIDGE_TOKENS_FILE: 't' }, null).security).toMatchObject({
      kind: 'token',
    });
  });

  test('an error is one sentence that names file and field', () => {
    writeFileSync(file, 'leaseSecond: 5\n');
    expect(() => readConfig({}, {}, file)).toThrow(/coordinator\.yaml: Unrecognized key: "leaseSecond"/);
    writeFileSync(file, 'leaseSeconds: soon\n');
    expect(() => readConfig({}, {}, file)).toThrow(/coordinator\.yaml: leaseSeconds: /);
    writeFileSync(file, '- a list\n');
    expect(() => readConfig({}, {}, file)).toThrow(/is not a mapping/);
    expect(() => readConfig({}, {}, join(folder, 'away.yaml'))).toThrow(/cannot be read/);
    expect(() => readConfig({}, { RIDGE_LEASE_SECONDS: 'x' }, null)).toThrow(/leaseSeconds/);
    expect(() => resolveConfig({ leaseSeconds: 6 })).toThrow(/less than two heartbeats/);
  });
});
