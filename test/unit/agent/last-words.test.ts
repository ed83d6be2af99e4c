import { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { NO_ENGINES } from '../../../engines/config.js';
import { PROBE } from '../../../engines/runners/jobs.js';
import { taskOf } from '../../../process/isolation/job.js';
import { launch, UNBOUND } from '../../../process/isolation/launch.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Nothing else is done meanwhile, as where a machine is busy. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * Once whoever heard of the end waits, before anything is read: for longer than any wait for what the pipe
 * holds.
 */
async function busySoon(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await null;
  block(1_500);
}

it('hears the answer of a child that ended while its parent was busy', async () => {
  const { emit } = EventEmitter.prototype;
  vi.spyOn(ChildProcess.prototype, 'emit').mockImplementation(function (
    this: ChildProcess,
    event: string | symbol,
    ...rest: unknown[]
  ) {
    const heard = emit.call(this, event, ...rest);
    if (event === 'spawn') {
      // Its answer lies in the pipe, and its end is known first: another child that ended at the same moment
      // brings that.
      while (!/\) Z /.test(readFileSync(`/proc/${this.pid}/stat`, 'latin1'))) block(20);
      emit.call(this, 'exit', 0, null);
      void busySoon();
    }
    return heard;
  });
  const task = taskOf(PROBE, { runnerKind: 'fake', engines: NO_ENGINES });
  const { answer, failure } = await launch({ task, ...UNBOUND }).ended;
  expect(failure).toBeNull();
  expect(answer).toMatchObject({ available: true, profile: { kind: 'fake' } });
});
