import { setTimeout as sleep } from 'node:timers/promises';
import type { MissingRunners } from './missing-runners.js';
import type { NodeRoofs } from './roofs/node-roofs.js';
import type { Session } from './session.js';
import type { TrialExecutor } from './trial/executor.js';

export interface Working {
  readonly session: Pick<Session, 'run' | 'hold' | 'goOn'>;
  readonly roofs: Pick<NodeRoofs, 'prepare' | 'measures'>;
  readonly missing: Pick<MissingRunners, 'sentences' | 'look'>;
  readonly trials: Pick<TrialExecutor, 'whenIdle'>;
  readonly log: (level: 'info' | 'warn', sentence: string) => void;
  /** Aborts when the agent leaves. */
  readonly going: AbortSignal;
  /** Replaced by tests. */
  readonly wait?: (minutes: number, signal: AbortSignal) => Promise<void>;
}

/** Between two looks for a runner that gave no answer; each is twice as long as the one before. */
const FIRST_MINUTES = 1;
const MOST_MINUTES = 64;

/**
 * Runs the session of a node that measures its roofs first, and looks again for runners that it lacks. It is connected meanwhile, so that
 * whoever waits for it hears what it does; it asks for no work, for trials would disturb that and be disturbed by it.
 */
export async function work(working: Working): Promise<void> {
  const { session, roofs, missing, log, going } = working;
  const prepared = roofs.prepare(going);
  const measures = await Promise.race([prepared.then(() => false), roofs.measures.then(() => true)]);
  if (measures) {
    session.hold('measuring');
    void prepared.then(() => session.goOn(true));
  }
  for (const sentence of missing.sentences) log('warn', `${sentence}; it is looked for again`);
  void prepared.then(() => lookAgain(working));
  await Promise.all([session.run(), prepared]);
}

async function lookAgain({ session, missing, trials, log, going, wait = pause }: Working): Promise<void> {
  let minutes = FIRST_MINUTES;
  while (missing.sentences.length > 0) {
    await wait(minutes, going);
    if (going.aborted) return;
    session.hold('looking');
    await trials.whenIdle();
    if (going.aborted) return;
    const found = await missing.look();
    for (const kind of found) log('info', `the runner ${kind} is here after all`);
    for (const sentence of missing.sentences) log('warn', sentence);
    session.goOn(found.length > 0);
    minutes = Math.min(2 * minutes, MOST_MINUTES);
  }
}

async function pause(minutes: number, signal: AbortSignal): Promise<void> {
  await sleep(60_000 * minutes, undefined, { signal, ref: false }).catch(() => undefined);
}
