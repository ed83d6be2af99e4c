import { expect, test } from 'vitest';
import { VERSION } from '../../process/package.js';
import { control, enter, start } from '../support/coordinator.js';
import { startFakeRunnerAgent } from '../support/live-fleet.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { aHealth, aNode } from '../support/wire-records.js';

const DAY = 86_400_000;
const health = { version: VERSION };

interface Answer {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly findings: readonly { readonly who: string; readonly found: string }[];
  }[];
}

/** What `ridge doctor --fleet --json` finds: lines of check and finding. */
async function found(address: string) {
  const { code, stdout, stderr } = await ridgeHere(['doctor', '--fleet', '--json', '-c', address]);
  expect(stderr).toBe('');
  const { ok, checks } = JSON.parse(stdout) as Answer;
  expect(code).toBe(ok ? 0 : 1);
  return checks.flatMap(({ name, findings }) => findings.map((one) => `${name} ${one.who}: ${one.found}`));
}

test('a fleet of a coordinator and a real agent has nothing to look after', async () => {
  const { grpcAddress } = await start();
  const agent = await startFakeRunnerAgent(grpcAddress);
  const client = control(grpcAddress);
  try {
    await expect.poll(async () => (await client.listNodes()).nodes[0]?.health?.version).toBe(VERSION);
    const [node] = (await client.listNodes()).nodes;
    expect(node!.health!.freeDiskBytes).toBeGreaterThan(0);
    expect(Math.abs(node!.clockAheadSeconds!)).toBeLessThan(5);
    expect(await found(grpcAddress)).toEqual([]);
    const { stdout } = await ridgeHere(['doctor', '--fleet', '-c', grpcAddress]);
    expect(stdout).toMatch(/^ok {5}coordinators +1 answer; .+ leads$/m);
    expect(stdout.trim().split('\n')).toHaveLength(9);
  } finally {
    await agent.stopNow();
  }
});

test('each fault of a fleet has a line that says what to do', async () => {
  const { grpcAddress } = await start();
  await enter(grpcAddress, {
    profile: aNode('late'),
    health: aHealth({ ...health, clockUnixMilliseconds: Date.now() - 60_000 }),
  });
  const certificateEndsAt = new Date(Date.now() + 3 * DAY).toISOString();
  await enter(grpcAddress, {
    profile: aNode('ending'),
    health: aHealth({ ...health, certificateEndsAt }),
  });
  await enter(grpcAddress, {
    profile: aNode('full'),
    health: aHealth({
      ...health,
      freeDiskBytes: 1e6,
      waitingResults: 3,
      oldestWaitingSeconds: 600,
      newerResults: 1,
    }),
  });
  const old = await enter(grpcAddress, { profile: aNode('old'), health: aHealth({ version: '0.0.1' }) });
  const { agent } = await enter(grpcAddress, { profile: aNode('poor'), instance: 'first' });
  agent.vanish();
  await expect
    .poll(
      async () => (await control(grpcAddress).listNodes()).nodes.find(({ name }) => name === 'poor')?.state,
    )
    .toBe('lost');
  const absent = { 'runner fake': 'its library does not load.' };
  const profile = aNode('poor', { runners: [], absent });
  await enter(grpcAddress, { profile, instance: 'second', health: aHealth(health) });
  const gone = await enter(grpcAddress, {
    profile: aNode('gone'),
    health: aHealth({ ...health, waitingResults: 1 }),
  });
  gone.agent.vanish();
  // No node has it.
  const document = fakeSweep(2).replace('kind: fake', 'kind: llama-cpp');
  await control(grpcAddress).submitSweep(submission(document));
  await old.agent.say({ $case: 'leaseRequest', value: { deviceId: 'cpu0' } });
  await old.agent.hear('noWork');

  const lines = await found(grpcAddress);
  const minute = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC';
  const expected = [
    `^nodes node gone: lost, last heard of at ${minute}$`,
    `^versions node old: ridgepoint 0.0.1, and the coordinator that leads is ${VERSION}$`,
    '^clocks node late: its clock is (59 s|1 min \\d\\d s) behind the coordinator’s$',
    `^certificates node ending: its certificate ends at ${minute}$`,
    '^runners node poor: it no longer has the runner fake: its library does not load$',
    '^disks node full: .+B are free where it writes$',
    '^spools node full: 3 results wait on its disk, the oldest for 10 min; for a newer release: 1$',
    '^spools node gone: a result waits on its disk',
    '^queue sweep fake: 2 points wait and nothing of it runs: .+llama-cpp',
  ];
  expect(lines).toEqual(expected.map((line) => expect.stringMatching(new RegExp(line))));
  const { stdout, code } = await ridgeHere(['doctor', '--fleet', '-c', grpcAddress]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^look {3}clocks +node late: .+ NTP/m);
});

test.each([
  [['doctor', '--fleet', '--noise'], '--fleet is about all nodes'],
  [['doctor', '--coordinator', 'localhost:1'], 'asks no coordinator'],
])('%j is refused', async (args, sentence) => {
  const { code, stderr } = await ridgeHere(args);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});
