import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IdIndex } from '../../../coordinator/scheduler/id-index.js';
import { IdList } from '../../../coordinator/scheduler/id-list.js';
import { type Outcome, Outcomes } from '../../../coordinator/scheduler/outcomes.js';
import { PositionTable } from '../../../coordinator/scheduler/position-table.js';
import { KnownResults, TrialTable } from '../../../coordinator/scheduler/trial-table.js';
import { forAll } from '../../support/for-all.js';

test('an index of ids says what a Map says, also after it has grown many times', () => {
  const index = new IdIndex();
  const map = new Map<string, number>();
  for (let i = 0; i < 30_000; i += 1) {
    const id = `t.s1.${(i * 7919) % 20_000}.m0`;
    index.set(id, i);
    map.set(id, i);
  }
  expect(index.size).toBe(map.size);
  for (const [id, value] of map) expect(index.get(id)).toBe(value);
  expect([index.get('t.s1.20001.m0'), index.has('')]).toEqual([undefined, false]);
});

test('a table of positions says what a Map says, while entries come and go', () => {
  const table = new PositionTable();
  const map = new Map<number, number>();
  let state = 1;
  const draw = (below: number) => {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    return (state >>> 8) % below;
  };
  for (let i = 0; i < 60_000; i += 1) {
    const position = draw(30_000) * 4_294_967_296 + draw(3);
    if (draw(3) === 0) expect(table.delete(position)).toBe(map.delete(position));
    else {
      table.set(position, i);
      map.set(position, i);
    }
  }
  expect(table.size).toBe(map.size);
  expect(map.size).toBeGreaterThan(10_000);
  expect(new Map(table)).toEqual(map);
  expect([...map].find(([position, value]) => table.get(position) !== value)).toBeUndefined();
  expect([table.get(7), table.has(7)]).toEqual([undefined, false]);
});

test('a list gives every id back as it came, whatever its form', () => {
  const hash = (i: number) => (i * 2_654_435_761).toString(16).padStart(24, '0').slice(-24);
  const forms = [
    (i: number) => `t.s${i % 5}.${i}.m2.1s1.43c2f093-13-${hash(i)}`,
    (i: number) => `t.s1.${i}.m0`,
    (i: number) => hash(i),
    (i: number) => `t.${hash(i)}`,
    (i: number) => `ein Versuch №${i} \u{1f600}`,
    () => '',
    () => 't.',
    (i: number) => `t.s.${'x'.repeat(i % 300)}`,
  ];
  const ids = Array.from({ length: 20_000 }, (_, i) => forms[i % forms.length]!(i));
  const list = new IdList();
  for (const id of ids) list.push(id);
  expect(list.size).toBe(ids.length);
  expect(ids.findIndex((id, i) => list.get(i) !== id)).toBe(-1);
});

test('every valid trial of an experiment is known, oldest first, with its engine and what it says', () => {
  const trials = new TrialTable();
  const known = new KnownResults(trials);
  const many = Array.from({ length: 200 }, (_, i) => `t${i}`);
  for (const id of many) trials.add(id);
  const values = { decodeTokensPerSecond: 12.5 };
  known.add('x1', {
    trialId: 't1',
    engine: 'llama.cpp v1',
    build: 'aa01',
    values,
    gradingCodes: ['cpu-steal'],
    questions: null,
  });
  known.add('x2', {
    trialId: 't2',
    engine: null,
    build: 'aa01',
    values: {},
    gradingCodes: [],
    questions: null,
  });
  const unknown = { engine: null, build: null, values: {}, gradingCodes: [], questions: null };
  for (const trialId of ['t5', 't3', 't199', 't5']) known.add('x1', { trialId, ...unknown });
  expect(known.validTrials('x1').map(({ trialId }) => trialId)).toEqual(['t1', 't5', 't3', 't199']);
  expect(known.validTrials('x1')[0]).toEqual({
    trialId: 't1',
    engine: 'llama.cpp v1',
    build: 'aa01',
    values,
    gradingCodes: ['cpu-steal'],
    questions: null,
  });
  expect(known.validTrials('x2')).toEqual([
    { trialId: 't2', engine: null, build: 'aa01', values: {}, gradingCodes: [], questions: null },
  ]);
  expect(known.validTrials('x3')).toEqual([]);
  const nothing = { values: {}, gradingCodes: [] };
  expect(known.startOf('t1')).toEqual({ values, gradingCodes: ['cpu-steal'] });
  expect([known.startOf('t4'), known.startOf('unknown')]).toEqual([nothing, nothing]);
});

test('outcomes say what a Map of them says, whatever is put in and taken out', () => {
  const trials = new TrialTable();
  for (let i = 0; i < 50; i += 1) trials.add(`t${i}`);
  const position = fc.oneof(fc.nat(40), fc.integer({ min: 2 ** 32, max: 2 ** 32 + 40 }));
  const record = { trialId: fc.option(fc.nat(60).map((i) => `t${i}`)), reused: fc.boolean() };
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    fc.record({
      ...record,
      state: fc.constantFrom('complete', 'invalid'),
      gradingCodes: fc.subarray(['cpu-steal', 'shared-core', 'rate-missed'] as const),
      reason: fc.constant(null),
    }),
    fc.record({
      ...record,
      state: fc.constant('failed'),
      gradingCodes: fc.constant([]),
      reason: fc.option(fc.constantFrom('it crashed', 'it does not fit')),
    }),
  );
  const step = fc.record({ position, outcome: fc.option(outcome, { freq: 4 }) });
  forAll(300, [fc.array(step, { maxLength: 200 })], (steps) => {
    const outcomes = new Outcomes(trials);
    const map = new Map<number, Outcome>();
    for (const { position: at, outcome: one } of steps) {
      if (one === null) expect(outcomes.delete(at)).toBe(map.delete(at));
      else {
        outcomes.set(at, one);
        map.set(at, one);
      }
      expect(outcomes.get(at)).toEqual(map.get(at));
    }
    expect(outcomes.size).toBe(map.size);
    const byPosition = ([a]: [number, Outcome], [b]: [number, Outcome]) => a - b;
    expect([...outcomes].sort(byPosition)).toEqual([...map].sort(byPosition));
    const failed = [...map].filter(([, { state }]) => state === 'failed').map(([at]) => at);
    expect([...outcomes.unpackedEntries()].map(([at]) => at)).toEqual(expect.arrayContaining(failed));
  });
});
