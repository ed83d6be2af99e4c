import { expect, test } from 'vitest';
import { runSession } from '../../../agent/before-work.js';
import { MissingRunners } from '../../../agent/missing-runners.js';
import { probeRunner } from '../../../agent/probe.js';
import { NO_ENGINES } from '../../../engines/config.js';
import type { RunnerProbe } from '../../../engines/runners/runner.js';
import type { launch } from '../../../process/isolation/launch.js';

const HERE: RunnerProbe = {
  available: true,
  profile: { kind: 'fake', release: 'fake 1', devices: ['cpu'], variants: [] },
  notes: [],
};

/** A launcher whose children answer in turn, or die. */
function answering(...answers: readonly (RunnerProbe | null)[]) {
  let started = 0;
  const start = (() => {
    const answer = answers[started++] ?? null;
    const failure = {
      code: 'crashed',
      message: 'the probe ended with exit code 0 and no answer',
      hint: null,
    };
    return { ended: Promise.resolve(answer === null ? { answer, failure } : { answer, failure: null }) };
  }) as unknown as typeof launch<RunnerProbe>;
  return { start, started: () => started };
}

test('a probe that ended without an answer is tried again, three times in all', async () => {
  const twice = answering(null, HERE);
  expect(await probeRunner('fake', NO_ENGINES, twice.start)).toBe(HERE);
  const never = answering();
  expect(await probeRunner('fake', NO_ENGINES, never.start)).toMatchObject({
    available: false,
    unanswered: true,
    reason: 'the probe ended with exit code 0 and no answer',
  });
  expect([twice.started(), never.started()]).toEqual([2, 3]);
});

const UNANSWERED: RunnerProbe = {
  available: false,
  kind: 'fake',
  reason: 'the probe ended with exit code 0 and no answer',
  hint: 'look',
  unanswered: true,
};
const ABSENT: RunnerProbe = {
  available: false,
  kind: 'server',
  reason: 'there is no program',
  hint: 'name it',
};

/** An agent's parts that write down what is done with them. */
function parts(measured: Promise<void>) {
  const did: string[] = [];
  const going = new AbortController();
  let ended = (): void => {};
  const session = {
    run: () => {
      did.push('run');
      return new Promise<void>((resolve) => {
        ended = resolve;
      });
    },
    hold: async (what: string) => void did.push(`hold ${what}`),
    goOn: (changed: boolean) => void did.push(`go on ${changed}`),
  };
  const roofs = { prepare: () => measured, measures: Promise.resolve() };
  const log = (level: string, sentence: string) => void did.push(`${level}: ${sentence}`);
  const leave = () => {
    going.abort();
    ended();
  };
  return { did, leave, needs: { session, roofs, log, going: going.signal } };
}

test('an agent looks for its coordinator while it measures roofs, asks for no work, and tells its profile anew then', async () => {
  let measured = (): void => {};
  const { did, leave, needs } = parts(
    new Promise((resolve) => {
      measured = resolve;
    }),
  );
  const missing = new MissingRunners({ runners: [], absent: {} }, [HERE, ABSENT], async () => HERE);
  const working = runSession({ ...needs, missing, trials: { whenIdle: async () => {} } });
  await expect.poll(() => did).toEqual(['hold measuring', 'run']);
  measured();
  await expect.poll(() => did.at(-1)).toBe('go on true');
  leave();
  await working;
});

test('a runner that gave no answer is named, looked for again while nothing runs, and offered when it is here', async () => {
  const { did, leave, needs } = parts(Promise.resolve());
  const offered = { runners: [], absent: { 'runner fake': 'no answer', energy: 'no source' } };
  const answers = [UNANSWERED, HERE];
  const missing = new MissingRunners(offered, [UNANSWERED, ABSENT], async () => answers.shift()!);
  const minutes: number[] = [];
  const working = runSession({
    ...needs,
    missing,
    trials: { whenIdle: async () => void did.push('idle') },
    wait: async (some) => void minutes.push(some),
  });
  await expect.poll(() => did.at(-1)).toBe('go on true');
  const sentence = 'the runner fake is not offered: the probe ended with exit code 0 and no answer';
  expect(did.filter((one) => !/^(run|hold measuring|go on true)$/.test(one))).toEqual([
    `warn: ${sentence}; it is looked for again`,
    'hold looking',
    'idle',
    `warn: ${sentence}`,
    'go on false',
    'hold looking',
    'idle',
    'info: the runner fake is here after all',
  ]);
  expect(minutes).toEqual([1, 2]);
  expect(offered).toEqual({ runners: [HERE.profile], absent: { energy: 'no source' } });
  leave();
  await working;
});

test('an agent that leaves while it measures roofs begins no other conversation', async () => {
  let measured = (): void => {};
  const prepared = new Promise<void>((resolve) => {
    measured = resolve;
  });
  const { did, leave, needs } = parts(prepared);
  const missing = new MissingRunners({ runners: [], absent: {} }, [], async () => HERE);
  const running = runSession({ ...needs, missing, trials: { whenIdle: async () => {} } });
  await expect.poll(() => did).toEqual(['hold measuring', 'run']);
  leave();
  measured();
  await running;
  expect(did).toEqual(['hold measuring', 'run']);
});

test('an agent that leaves while it looks for a runner begins no other conversation', async () => {
  const { did, leave, needs } = parts(Promise.resolve());
  const missing = new MissingRunners({ runners: [], absent: {} }, [UNANSWERED], async () => {
    did.push('look');
    leave();
    return HERE;
  });
  await runSession({ ...needs, missing, trials: { whenIdle: async () => {} }, wait: async () => {} });
  await new Promise(setImmediate);
  expect(did.slice(did.indexOf('look'))).toEqual(['look']);
});
