import { FakeAgent } from '../../support/fake-agent.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { recordsOf, within } from '../attack/ground.js';
import type { Attack } from './doors.js';

const REPLAYS = 2_000;

/** Reports of an agent that has a lease of its own, and more. */
export const forged: Attack = {
  name: 'forged',
  claim: `a report replayed ${REPLAYS.toLocaleString('en')} times, trial ids with each character changed, results of a trial that another node holds`,
  async run(doors) {
    const { target } = doors;
    const join = async (name: string) =>
      (
        await within(
          20,
          'to be welcomed',
          FakeAgent.join(target.grpcAddress, { profile: aNode(name), security: doors.as(name) }),
        )
      ).agent;
    const [holder, thief] = [await join('fuzz-0'), await join('thief')];
    const faults: string[] = [];
    const answer = async (agent: FakeAgent, record: ReturnType<typeof aRecord>): Promise<string | null> =>
      await within(20, 'an answer', agent.answerTo(record));

    const lease = await within(30, 'a lease', holder.lease());
    const genuine = aRecord(lease, holder.profile);
    let refused = 0;
    // The holder's record in the name of another, and the same as its own.
    for (const record of [
      genuine,
      { ...genuine, node: { ...genuine.node, name: 'thief' } },
      aRecord(lease, thief.profile),
    ]) {
      if ((await answer(thief, record)) === null) faults.push('a result of another node’s trial was taken');
      else refused += 1;
    }
    for (const who of [holder, thief]) {
      for (const index of genuine.trialId.split('').keys()) {
        const other = genuine.trialId[index] === '1' ? '2' : '1';
        const trialId = genuine.trialId.slice(0, index) + other + genuine.trialId.slice(index + 1);
        if ((await answer(who, { ...aRecord({ ...lease, trialId }, who.profile) })) === null)
          faults.push(`the forged trial ${trialId} was taken`);
        else refused += 1;
      }
    }
    if ((await answer(holder, genuine)) !== null) faults.push('the holder’s own result was refused');
    for (let time = 0; time < REPLAYS; time += 1)
      if ((await answer(holder, genuine)) !== null) faults.push('a replay was not acknowledged');
    if ((await answer(thief, genuine)) === null) faults.push('another node’s replay was acknowledged');
    const stored = (await recordsOf(doors.ground.control(target, doors.as('ann')), lease.sweepId)).filter(
      ({ trialId }) => trialId === lease.trialId,
    );
    if (stored.length !== 1) faults.push(`${stored.length} of it are stored`);
    if (doors.noted('refuse-result') < refused) faults.push('not every refusal is in the audit log');
    holder.vanish();
    thief.vanish();
    return {
      said: `${refused} forged reports refused, ${REPLAYS.toLocaleString('en')} replays stored once`,
      faults,
    };
  },
};
