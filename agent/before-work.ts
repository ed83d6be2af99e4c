import { setTimeout as sleep } from 'node:timers/promises';
import type { MissingRunners } from './missing-runners.js';
import type { NodeRoofs } from './roofs/node-roofs.js';
import type { Session } from './session.js';
import type { TrialExecutor } from './trial/executor.js';

export interface SessionParts {
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

/** Minutes between two looks for a runner that gave no answer. They double each time, up to the most. */
const FIRST_MINUTES = 1;
const MOST_MINUTES = 64;

/**
 * Runs the session of a node that measures its roofs first, and looks again for runners that it lacks.
 * Meanwhile it is connected, so that whoever waits for the node is told what it does. It asks for no work,
 * since a trial and such a measurement would disturb each other.
 */
export async function runSession(parts: SessionParts): Promise<void> {
  const { session, roofs, missing, log, going } = parts;
  const prepared = roofs.prepare(going);
  const measures = await Promise.race([prepared.then(() => false), roofs.measures.then(() => true)]);
  if (measures) {
    // No conversation has begun, so nothing was asked.
    void session.hold('measuring');
    // An agent that leaves says goodbye in this conversation: another one would cut that off.
    void prepared.then(() => !going.aborted && session.goOn(true));
  }
  for (const sentence of missing.sentences) log('warn', `${sentence}; it is looked for again`);
  void prepared.then(() => lookAgain(parts));
  await Promise.all([session.run(), prepared]);
}

async function lookAgain({
  session,
  missing,
  trials,
  log,
  going,
  wait = pause,
}: SessionParts): Promise<void> {
  let minutes = FIRST_MINUTES;
  while (missing.sentences.length > 0) {
    await wait(minutes, going);
    if (going.aborted) return;
    await session.hold('looking');
    await trials.whenIdle();
    if (going.aborted) return;
    const found = await missing.look();
    if (going.aborted) return;
    for (const kind of found) log('info', `the runner ${kind} is here after all`);
    for (const sentence of missing.sentences) log('warn', sentence);
    session.goOn(found.length > 0);
    minutes = Math.min(2 * minutes, MOST_MINUTES);
  }
}

async function pause(minutes: number, signal: AbortSignal): Promise<void> {
  await sleep(60_000 * minutes, undefined, { signal, ref: false }).catch(() => undefined);
}
