import { describe, expect, test } from 'vitest';
import { type Delay, generatorProblems, needsCeiling } from '../../../core/serving/generator.js';

const delay = (p99: number): Delay => ({ p50: 0, p99, max: p99 });
const facts = (lag: number, loop: number) => ({
  lag: delay(lag),
  loopDelay: delay(loop),
  cpuSeconds: 1,
  seconds: 10,
});
const task = { medianFirstToken: 0.1, requestsPerSecond: 100, chunksPerSecond: 5000 };

describe('a generator', () => {
  test('that was there and has room is no reason against a row', () => {
    expect(
      generatorProblems(facts(0.004, 0.004), { requestsPerSecond: 4000, chunksPerSecond: 50_000 }, task),
    ).toEqual([]);
    expect(generatorProblems({ ...facts(0, 0), lag: null, loopDelay: null }, null, task)).toEqual([]);
  });

  test('that was late is one where that is much of what was measured', () => {
    expect(generatorProblems(facts(0.02, 0), null, task)).toEqual([
      'the load generator sent requests late: 1 % of them 20.0 ms or more after their time; lower the rate, or give it a CPU of its own',
    ]);
    expect(generatorProblems(facts(0.02, 0), null, { ...task, medianFirstToken: 1 })).toEqual([]);
    expect(generatorProblems(facts(0.02, 0), null, { ...task, medianFirstToken: null })).toHaveLength(1);
    expect(generatorProblems(facts(0, 0.02), null, task)[0]).toMatch(
      /^the load generator was away from its sockets for 20\.0 ms/,
    );
  });

  test('near its own ceiling is one', () => {
    const problems = generatorProblems(facts(0, 0), { requestsPerSecond: 120, chunksPerSecond: null }, task);
    expect(problems).toEqual([
      'the load generator did 100 requests per second and can do 120 here: the row says what it can do, not what the server can',
    ]);
  });

  test('asks for its ceiling where it may have come near it', () => {
    const used = (cpuSeconds: number, seconds: number) =>
      needsCeiling({ ...facts(0, 0), cpuSeconds, seconds });
    expect([used(2, 10), used(6, 10), used(0.3, 0.3)]).toEqual([false, true, false]);
    expect([used(5, 10), used(0.5, 0.5)]).toEqual([false, false]);
  });

  test('exactly at a limit is no reason against a row', () => {
    const more = 2 ** -40;
    const found = (lag: number, requestsPerSecond: number) =>
      generatorProblems(
        facts(lag, lag),
        { requestsPerSecond: 128, chunksPerSecond: null },
        { ...task, medianFirstToken: null, requestsPerSecond },
      ).length;
    expect([found(0.01, 0.8 * 128), found(0.01 + more, 1), found(0, 0.8 * 128 + more)]).toEqual([0, 2, 1]);
    // A twentieth of the first token's time.
    const slow = { ...task, medianFirstToken: 1 };
    expect(generatorProblems(facts(0.05, 0.05), null, slow)).toEqual([]);
    expect(generatorProblems(facts(0.05 + more, 0), null, slow)).toHaveLength(1);
  });
});
