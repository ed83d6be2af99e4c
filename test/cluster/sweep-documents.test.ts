import { afterEach, expect, test } from 'vitest';
import { SweepReader } from '../../coordinator/sweep-reader.js';
import { readSweep } from '../../coordinator/sweeps.js';
import { control as controlOf, start } from '../support/coordinator.js';
import { FakeAgent } from '../support/fake-agent.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aNode } from '../support/wire-records.js';

/* What a document that is submitted can do to a coordinator: nothing but be refused. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** All of it wrong; when keys were compared pair by pair, this took 101 s. */
const HOSTILE = `${fakeSweep(1)}\n${Array.from({ length: 45_000 }, (_, i) => `k${i}: 1`).join('\n')}`;

test('agents are heard and questions answered while a large document is read', async () => {
  const coordinator = await start();
  const control = controlOf(coordinator.grpcAddress);
  const { agent } = await FakeAgent.join(coordinator.grpcAddress, { profile: aNode('n1') });
  closers.push(() => agent.vanish());
  await control.submitSweep(submission(fakeSweep(2)));
  const order: string[] = [];
  const refused = control.submitSweep(submission(HOSTILE)).catch((error: Error) => {
    order.push('document');
    return error;
  });
  for (let i = 0; i < 5; i++) {
    await control.listSweeps({});
    order.push('question');
  }
  expect((await refused) as Error).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('errors (the first 100 are listed)'),
  });
  expect(order).toEqual([...Array(5).fill('question'), 'document']);
});

test('a document that takes too long or too much memory is refused with a sentence, and the next one is read', async () => {
  const hasty = new SweepReader({ seconds: 0.001 });
  closers.push(() => hasty.close());
  await expect(hasty.read(fakeSweep(1), [])).rejects.toThrow(
    'The sweep takes more than 0.001 s to read: split it, or write ranges.',
  );
  const small = new SweepReader({ heapMebibytes: 48 });
  closers.push(() => small.close());
  const [large, next] = await Promise.allSettled([small.read(HOSTILE, []), small.read(fakeSweep(3), [])]);
  expect(large).toMatchObject({ status: 'rejected', reason: { message: /memory to read/ } });
  expect(next).toMatchObject({ status: 'fulfilled', value: { count: 3 } });
});

test('what the thread reads is what this thread reads', async () => {
  const reader = new SweepReader();
  closers.push(() => reader.close());
  const document = `${fakeSweep(20)}  exclude: [{ generateTokens: [3, 5] }]\n`;
  const there = await reader.read(document, []);
  const here = readSweep(document, []);
  expect(there.sweepId).toBe(here.sweepId);
  expect(there.count).toBe(18);
  for (let i = 0; i < there.count; i++) {
    expect(there.experimentAt(there.positionAt(i), null)).toEqual(
      here.experimentAt(here.positionAt(i), null),
    );
  }
  await expect(reader.read('kind: Sweep\nx: 1\nx: 2\n', [])).rejects.toMatchObject({ code: 'invalid' });
});
