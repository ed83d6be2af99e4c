import { expect, test } from 'vitest';
import type { Launcher } from '../../../agent/artifacts/build-file.js';
import { FactorsStore } from '../../../agent/factors/store.js';
import { fitMissing } from '../../../cli/factors/factors.js';
import { unlessTerminated } from '../../../cli/interrupts.js';
import type { ThisNode } from '../../../cli/this-node.js';
import { type FailureCode, failure } from '../../../core/errors.js';
import { temporaryFolder, trialContext } from '../../support/bench.js';

/** A machine whose roofs were measured, and a fit that ends so. */
function machine(roofsId: string, roofsFolder: string, code: FailureCode) {
  const store = { find: async () => ({ id: roofsId, path: '', roofs: { bandwidth: [] } }) };
  const { profile } = trialContext();
  const node = { profile, store, roofsFolder, sysRoot: '/sys' } as unknown as ThisNode;
  const begun: string[] = [];
  const launcher: Launcher = ({ task }) => {
    begun.push(task.name);
    const facts = { exitCode: 1, signal: null, stderrTail: null, memoryGuard: 'none' } as const;
    return { ended: Promise.resolve({ ...facts, answer: null, failure: failure(code, 'it ended') }) };
  };
  const fit = (ended = new AbortController().signal) => fitMissing(node, ended, launcher);
  return { fit, begun, device: profile.devices[0]!.id };
}

test('a first fit that comes to nothing is not tried before every run, until there are other roofs', async () => {
  const folder = temporaryFolder();
  const busy = machine('roofs1', folder, 'timed-out');
  await busy.fit();
  await busy.fit();
  expect(busy.begun).toHaveLength(1);
  const store = new FactorsStore(folder);
  expect(await store.isGivenUp(busy.device, 'roofs1')).toBe(true);
  expect(await store.find(busy.device)).toBeNull();
  const other = machine('roofs2', folder, 'timed-out');
  await other.fit();
  expect(other.begun).toHaveLength(1);
});

test('one that Ctrl-C skipped is, and none is begun when the run has ended', async () => {
  const skipped = machine('roofs1', temporaryFolder(), 'cancelled');
  await skipped.fit(AbortSignal.abort());
  expect(skipped.begun).toHaveLength(0);
  await skipped.fit();
  await skipped.fit();
  expect(skipped.begun).toHaveLength(2);
});

test('SIGTERM ends a run before it has begun', async () => {
  const before = process.listenerCount('SIGTERM');
  const heard: boolean[] = [];
  const during = (signal?: NodeJS.Signals) =>
    unlessTerminated(async (ended) => {
      const listeners = process.listeners('SIGTERM');
      if (signal === 'SIGTERM') listeners.at(-1)!('SIGTERM');
      heard.push(ended.aborted);
    });
  expect(await during()).toBe(false);
  expect(await during('SIGTERM')).toBe(true);
  expect(heard).toEqual([false, true]);
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
