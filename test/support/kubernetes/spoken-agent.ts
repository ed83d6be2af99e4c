import { setTimeout as sleep } from 'node:timers/promises';
import { parseLease } from '../../../proto/convert.js';
import { FakeAgent } from '../fake-agent.js';
import { aNode, aRecord } from '../wire-records.js';
import type { Launch } from './kubelet.js';

/**
 * An agent that speaks for itself in this process, where hundreds of runs would start hundreds of processes:
 * it takes leases of its sweep alone, measures each for a moment, and reports. Told to end, it finishes what
 * it runs and says goodbye.
 * @param seconds that a trial takes
 */
export const spokenAgent =
  (seconds: number): Launch =>
  (words, env) => {
    const after = (option: string) => words[words.indexOf(option) + 1] ?? '';
    const labels = { 'ridgepoint.dev/sweep': after('--sweep') };
    const profile = aNode(env.RIDGE_NODE_NAME ?? 'nobody', { labels });
    let agent: FakeAgent | null = null;
    let told: 'SIGTERM' | 'SIGKILL' | null = null;
    const work = async (): Promise<void> => {
      ({ agent } = await FakeAgent.join(after('--coordinator'), { profile }));
      while (told === null) {
        const answer = await agent.ask();
        if (answer.$case === 'noWork') {
          await sleep(Math.min(200, answer.value.retryMilliseconds));
          continue;
        }
        const lease = parseLease(answer.value.leaseJson);
        await sleep(seconds * 1000);
        if (told === 'SIGKILL') return;
        const rate = 100 + lease.position;
        await agent.answerTo(aRecord(lease, profile, { decodeTokensPerSecond: rate }));
      }
      await agent.say({ $case: 'leaving', value: { returnedTrialIds: [], reason: 'told to' } });
      await sleep(50);
    };
    const ended = work()
      .then(
        () => (told === 'SIGKILL' ? null : 0),
        () => (told === 'SIGKILL' ? null : 1),
      )
      .finally(() => agent?.vanish());
    return {
      kill(signal) {
        told = signal;
        if (signal === 'SIGKILL') agent?.vanish();
      },
      ended,
    };
  };
