import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FailureError, failure } from '../../../core/errors.js';
import {
  parseLease,
  parseModels,
  parseNodeProfile,
  parseRecord,
  parseReport,
  toGrant,
  toHello,
  toReport,
} from '../../../proto/convert.js';
import { fromServiceError, toServiceError, type WireCode, WireError } from '../../../proto/errors.js';
import { isLoopback, joinAddress, splitAddress } from '../../../proto/loopback.js';
import { experimentOf } from '../../support/experiments.js';
import { forAll } from '../../support/for-all.js';
import { aLease, aNode, anExperiment, aRecord, crashed } from '../../support/wire-records.js';

describe('documents inside envelopes', () => {
  test('records, leases and profiles come back as they were', () => {
    const lease = aLease('t1');
    for (const ending of [{}, { everyMetric: true }, { valid: false }, { failure: crashed }]) {
      const record = aRecord(lease, aNode(), ending);
      expect(parseReport(toReport(record)).record).toEqual(record);
    }
    expect(parseLease(toGrant(lease).leaseJson)).toEqual(lease);
    expect(parseNodeProfile(toHello(aNode(), { instance: 'i' }).nodeProfileJson)).toEqual(aNode());
    expect(parseModels('')).toEqual([]);
  });

  test('the JSON of a record is kept where it says what was checked, no more and no less', () => {
    const lease = aLease('t1');
    const record = aRecord(lease, aNode(), { everyMetric: true });
    const { recordJson } = toReport(record);
    const kept = (json: string, leased = lease.experiment) =>
      parseReport({ ...toReport(record), recordJson: json }, leased);
    expect(kept(recordJson)).toEqual({ record, json: recordJson });
    expect(kept(recordJson).record.experiment).toBe(lease.experiment);
    const other = { ...lease.experiment, device: 'cuda' };
    expect(kept(recordJson, other)).toEqual({ record, json: recordJson });
    expect(kept(recordJson, other).record.experiment).not.toBe(other);
    for (const more of [{ later: 1 }, { device: { ...record.device, later: 1 } }]) {
      expect(kept(JSON.stringify({ ...record, ...more }))).toEqual({ record, json: null });
    }
    const warned = [{ code: 'provider-fallback', severity: 'note', message: '' }];
    expect(kept(JSON.stringify({ ...record, warnings: warned })).json).toBeNull();
  });

  test.each([
    'experiment.model.facts.format',
    'experiment.model.facts.heads',
    'experiment.measure.energyWindows',
    'experiment.measure.gridGramsPerKilowattHour',
    'experiment.measure.profile',
    'experiment.settings',
  ])('a record without %s is refused by that name, not completed', (path) => {
    const record = {
      ...aRecord(aLease('t1')),
      experiment: { ...anExperiment(), model: experimentOf().model },
    };
    expect(parseRecord(JSON.stringify(record)).experiment).toEqual(record.experiment);
    const keys = path.split('.');
    const parent = keys
      .slice(0, -1)
      .reduce<Record<string, unknown>>(
        (node, key) => node[key] as Record<string, unknown>,
        record as unknown as Record<string, unknown>,
      );
    delete parent[keys.at(-1)!];
    expect(() => parseRecord(JSON.stringify(record))).toThrow(`${path}: `);
  });

  test('a document that is not valid is refused with the field', () => {
    const record = aRecord(aLease('t1'));
    expect(() => parseRecord('{')).toThrow(/The result record is not JSON/);
    const series = { meter: 'm', quantity: 'q', unit: 'W', kind: 'gauge', periodSeconds: 1 } as const;
    const whole = {
      ...record,
      samples: [{ ...series, seconds: [0, 1], values: [5, 6.5] }],
      tokenSeconds: [[0.1, 0.2], []],
    };
    expect(parseRecord(JSON.stringify(whole))).toEqual(whole);
    for (const [change, where] of [
      [{ samples: [{ ...series, seconds: [0, 1], values: [5, null] }] }, 'samples.0.values.1'],
      [{ samples: [{ ...series, seconds: [0, 'x'], values: [] }] }, 'samples.0.seconds.1'],
      [{ samples: [{ ...series, seconds: 7, values: [] }] }, 'samples.0.seconds'],
      [{ samples: [7] }, 'samples.0'],
      [{ samples: {} }, 'samples'],
      [{ tokenSeconds: [[0.1], [[]]] }, 'tokenSeconds.1.0'],
      [{ tokenSeconds: [0.1] }, 'tokenSeconds.0'],
    ] as const) {
      const json = JSON.stringify({ ...whole, ...change });
      expect(() => parseRecord(json)).toThrow(`The result record is not valid: ${where}: `);
    }
    const infinite = JSON.stringify(whole).replace('6.5', '1e999');
    expect(() => parseRecord(infinite)).toThrow('samples.0.values.1');
    // A wrong record of a million numbers has one error, not a million.
    const wrong = JSON.stringify({ ...whole, tokenSeconds: [new Array<string>(1e6).fill('x')] });
    expect(() => parseRecord(wrong)).toThrow(expect.objectContaining({ details: [] }));
    expect(() => parseRecord(JSON.stringify({ ...record, status: 'fine' }))).toThrow(/not valid: status:/);
    expect(() => parseNodeProfile(JSON.stringify({ ...aNode(), name: '../etc' }))).toThrow(/name: letters/);
    expect(() => parseReport({ ...toReport(record), trialId: 'other' })).toThrow(/holds a record of t1/);
  });
});

describe('errors', () => {
  const across = (error: unknown): WireError => {
    const sent = toServiceError(error);
    return fromServiceError(Object.assign(new Error(sent.details), sent, { metadata: sent.metadata }));
  };

  test('half a character in a message, sent by somebody or left by a cut, is replaced: it could not be sent; so are control characters', () => {
    const whole = '\u{1f600}'.repeat(600);
    expect(toServiceError(new WireError('invalid', 'a\n\u001bb')).details).toBe('a\ufffd\ufffdb');
    for (const message of ['\ud83d', 'a\ude00b', `x${whole}`]) {
      const { details } = toServiceError(new WireError('invalid', message));
      expect(encodeURI(details)).not.toBe('');
    }
    expect(toServiceError(new WireError('invalid', `${whole.slice(0, 4)}\ud83d.`)).details).toBe(
      `${whole.slice(0, 4)}\ufffd.`,
    );
  });

  test('every code comes back as itself, with its sentence and details', () => {
    const codes: WireCode[] = ['cancelled', 'invalid', 'deadline', 'not-found', 'exists', 'forbidden'];
    codes.push(
      'unauthenticated',
      'too-large',
      'refused',
      'conflict',
      'unavailable',
      'unimplemented',
      'internal',
    );
    for (const code of codes) {
      const back = across(new WireError(code, 'What is wrong: größer.', ['first', '… second']));
      expect(back).toMatchObject({ code, message: 'What is wrong: größer.', details: ['first', '… second'] });
    }
  });

  test('a failure keeps its sentence and hint; a full disk may be tried again later', () => {
    const failed = across(new FailureError(failure('does-not-fit', 'Too big.', { hint: 'Take less.' })));
    expect(failed).toMatchObject({ code: 'refused', message: 'Too big.', details: ['Take less.'] });
    expect(across(new FailureError(failure('disk-full', 'Full.'))).code).toBe('unavailable');
    // A log that is gone is not the caller's error: `ridge results` ends with 1 then, not with 2.
    expect(across(new FailureError(failure('internal', 'The log is gone.'))).code).toBe('unavailable');
    expect(across(new TypeError('bug')).code).toBe('internal');
  });

  test('a thousand errors are answered within what headers may hold', () => {
    const many = Array.from({ length: 1000 }, (_, index) => `error ${index} of a rather long kind`);
    const { details } = across(new WireError('invalid', 'Many.', many));
    expect(details[0]).toBe(many[0]);
    expect(details.at(-1)).toMatch(/^… and \d+ more$/);
    expect(Buffer.byteLength(JSON.stringify(details))).toBeLessThan(12_000);
  });

  test('an error of another server without our details is still readable', () => {
    const foreign = Object.assign(new Error('x'), {
      code: status.DATA_LOSS,
      details: 'lost',
      metadata: new Metadata(),
    }) satisfies ServiceError;
    expect(fromServiceError(foreign)).toMatchObject({ code: 'internal', message: 'lost', details: [] });
  });
});

describe('addresses', () => {
  test.each([
    '127.0.0.1:1',
    '127.8.9.1:7070',
    'localhost:7070',
    '[::1]:7070',
    '[::ffff:127.0.0.1]:1',
    '[::FFFF:7f08:901]:1',
    'unix:/run/ridge.sock',
  ])('%s is loopback', (address) => expect(isLoopback(address)).toBe(true));
  test.each([
    '0.0.0.0:7070',
    '10.0.0.1:7070',
    '[::]:7070',
    '127.0.0.1.example.com:7070',
    'localhost.example.com:1',
    '128.0.0.1:1',
    'localhost.:1',
    '[::ffff:10.0.0.1]:1',
    '[::ffff:7f:1]:1',
    ':7070',
    '',
    '127.0.0.1',
    '1270.0.0.1:7',
  ])('%s is not', (address) => expect(isLoopback(address)).toBe(false));

  test('host and port survive joining and splitting', () => {
    forAll(100, [fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.nat(65_535)], (host, port) => {
      expect(splitAddress(joinAddress(host, port))).toEqual({ host, port });
    });
    expect(splitAddress('host:70000')).toBeNull();
  });
});
