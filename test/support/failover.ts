import { setTimeout as sleep } from 'node:timers/promises';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { connectControl } from '../../proto/client.js';
import { CoordinatorProcesses } from './coordinators.js';
import { EventWatcher } from './event-watcher.js';
import { until } from './services.js';
import { fakeSweep, submission } from './sweeps.js';
import { clock, type JournalEntry, repeatedPoints, TimedAgent } from './timed-agents.js';

export interface FailoverOptions {
  readonly log: NonNullable<CoordinatorConfig['log']>;
  readonly kills: number;
  readonly freezes: number;
  readonly agents: number;
  readonly trialSeconds: number;
  readonly points: number;
  readonly said?: (sentence: string) => void;
}

export interface FailoverFigures {
  /** Seconds from each fault to the next lease that anybody was granted. */
  readonly killed: readonly number[];
  readonly frozen: readonly number[];
  readonly granted: number;
  /** Points of which a second trial began. */
  readonly repeated: readonly string[];
  /** Trials that an agent was told to stop. */
  readonly stopped: number;
  readonly recorded: number;
  /** Trials that a watcher heard of twice, or not at all; by gRPC, and by the web view's events. */
  readonly missedByControl: number;
  readonly twiceByControl: number;
  readonly missedByEvents: number;
  readonly twiceByEvents: number;
  readonly resets: number;
}

/**
 * Three coordinators of a fleet whose leader is killed and stopped again and again, while agents work and
 * others watch.
 */
export async function failOver(options: FailoverOptions): Promise<FailoverFigures> {
  const { log, kills, freezes, agents: count, trialSeconds, said = () => {} } = options;
  const fleet = await CoordinatorProcesses.start(3, { log, heartbeatSeconds: 1, leaseSeconds: 30 });
  const control = connectControl({ address: fleet.addresses, security: { kind: 'plaintext' } });
  const journal: JournalEntry[] = [];
  const agents: TimedAgent[] = [];
  const over = new AbortController();
  let events: EventWatcher | null = null;
  try {
    const { sweepId } = await control.submitSweep(submission(fakeSweep(options.points)));
    for (let index = 0; index < count; index += 1) {
      // Trials end one after the other, so that somebody asks at any time.
      const seconds = trialSeconds * (0.75 + (0.5 * index) / count);
      agents.push(await TimedAgent.start(`node-${index}`, fleet.addresses, seconds, journal));
    }
    const seen: string[] = [];
    const watching = (async () => {
      const asked = { sweepId, follow: true, allTrials: true };
      for await (const { recordJson } of control.streamResults(asked, over.signal)) {
        seen.push((JSON.parse(recordJson) as { trialId: string }).trialId);
      }
    })();
    events = new EventWatcher(
      fleet.members.map(({ web }) => web),
      sweepId,
    );
    await until('the first result', async () => (seen.length > 0 ? true : null), 60);
    const killed: number[] = [];
    const frozen: number[] = [];
    for (let turn = 0; turn < kills + freezes; turn += 1) {
      const freeze = turn >= kills;
      const leader = await until('one leads', () => fleet.leader(), 60);
      // The others have to be up, and who was away has to be back at work.
      await sleep(700 + 600 * Math.random());
      const by = incarnationOf(journal.findLast(({ what }) => what === 'granted'));
      const at = clock();
      if (freeze) leader.child?.kill('SIGSTOP');
      else await fleet.kill(leader);
      // What was granted just before may still be on its way.
      const next = await until(
        'the next lease',
        async () =>
          journal.find((one) => one.what === 'granted' && one.at > at && incarnationOf(one) !== by) ?? null,
        60,
      );
      (freeze ? frozen : killed).push(next.at - at);
      said(`${freeze ? 'stopped' : 'killed'} ${turn + 1}: ${(next.at - at).toFixed(2)} s`);
      if (freeze) leader.child?.kill('SIGCONT');
      else await fleet.launch(leader);
    }
    await until('one leads', () => fleet.leader(), 60);
    for (const agent of agents) agent.session.drain();
    const isIdle = (agent: TimedAgent): boolean => agent.waiting + agent.running === 0;
    await until('all is reported', async () => (agents.every(isIdle) ? true : null), 60);
    const recorded: string[] = [];
    for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials: true }))
      recorded.push((JSON.parse(recordJson) as { trialId: string }).trialId);
    const told = events;
    await until(
      'watchers have heard it all',
      async () =>
        new Set(seen).size >= recorded.length && new Set(told.trials).size >= recorded.length ? true : null,
      20,
    ).catch(() => undefined);
    over.abort();
    await watching;
    const missing = (heard: readonly string[]) => recorded.filter((trial) => !heard.includes(trial)).length;
    return {
      killed,
      frozen,
      recorded: recorded.length,
      resets: told.resets,
      granted: journal.filter(({ what }) => what === 'granted').length,
      repeated: repeatedPoints(journal),
      stopped: journal.filter(({ what }) => what === 'stopped').length,
      missedByControl: missing(seen),
      twiceByControl: seen.length - new Set(seen).size,
      missedByEvents: missing(told.trials),
      twiceByEvents: told.trials.length - new Set(told.trials).size,
    };
  } finally {
    over.abort();
    await events?.stop();
    await Promise.all(agents.map((agent) => agent.stop()));
    control.close();
    for (const { child } of fleet.members) child?.kill('SIGCONT');
    await fleet.stop();
  }
}

/** @returns what a start of a coordinator calls itself in the ids of its trials. */
function incarnationOf(entry: JournalEntry | undefined): string | undefined {
  return entry?.trialId.split('.')[5]?.split('-')[0];
}
