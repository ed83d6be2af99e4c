import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { PowerConnection } from '../../../agent/power/client.js';
import { type RunningHelper, startHelper } from '../../../agent/power/server.js';
import { temporaryFolder } from '../../support/folder.js';
import { clockFile, LONG, powerTree, SHORT } from '../../support/power-tree.js';

/** A number that nobody may write, root included. */
const REFUSES = '/proc/sys/kernel/random/poolsize';

const running: RunningHelper[] = [];
afterEach(() => {
  for (const helper of running.splice(0)) helper.stop();
});

const newFolder = () => join(temporaryFolder(), 'run');

async function helper(sysRoot: string, folder = newFolder(), log: string[] = []) {
  const started = await startHelper({
    folder,
    groupId: null,
    machine: { sysRoot, nvml: { found: false, reason: 'no NVIDIA driver' }, restingClocks: null },
    log: (message) => log.push(message),
  });
  running.push(started);
  return { ...started, folder, journal: join(folder, 'found.json') };
}

const open = (path: string) => PowerConnection.open(path, 0);
const cpus = { cpus: [0, 1] };
const set = (
  connection: PowerConnection,
  powerCapWatts: number | null,
  lockedClockHertz: number | null = null,
) => connection.ask({ do: 'set', target: cpus, powerCapWatts, lockedClockHertz });
const settled = (check: () => boolean) => expect.poll(check).toBe(true);

describe('the power helper, for CPUs', () => {
  test('says what can be set, and never more than it found', async () => {
    const tree = powerTree();
    tree.write(LONG, 150_000_000);
    const connection = await open((await helper(tree.root)).socketPath);
    const { seen, absent } = await connection.ask({ do: 'look', target: cpus });
    expect(seen).toEqual([
      { name: 'powerCapWatts', part: 'package-0', least: 15, most: 150, cpus: [0, 1] },
      { name: 'lockedClockHertz', part: 'CPUs 0-1', least: 0.8e9, most: 3.6e9, cpus: [0, 1] },
    ]);
    expect(absent).toEqual({});
    const gpu = await connection.ask({ do: 'look', target: { gpu: 'GPU-aaaa' } });
    expect(gpu).toMatchObject({ seen: [], absent: { powerCapWatts: 'no NVIDIA driver' } });
  });

  test('sets, reads back, and puts back exactly what it found', async () => {
    const tree = powerTree();
    const { socketPath, journal } = await helper(tree.root);
    const connection = await open(socketPath);
    const { applied } = await set(connection, 100, 2_000_000_000);
    expect(applied).toEqual([
      { name: 'powerCapWatts', part: 'package-0', found: 205, set: 100, readBack: 100 },
      { name: 'lockedClockHertz', part: 'CPUs 0-1', found: null, set: 2e9, readBack: 2e9 },
    ]);
    expect([tree.read(LONG), tree.read(SHORT)]).toEqual([100_000_000, 100_000_000]);
    expect([0, 1, 2].map((cpu) => tree.read(clockFile(cpu, 'min')))).toEqual([2e6, 2e6, 1e6]);
    expect([0, 1, 2].map((cpu) => tree.read(clockFile(cpu, 'max')))).toEqual([2e6, 2e6, 3.6e6]);
    expect(JSON.parse(readFileSync(journal, 'utf8')).found).toMatchObject({
      'rapl:0': { long_term: 205_000_000, short_term: 246_000_000, enabled: 1 },
    });
    const { restored } = await connection.ask({ do: 'restore' });
    expect(restored).toEqual([
      { name: 'powerCapWatts', part: 'package-0', atEnd: 100, problem: null },
      { name: 'lockedClockHertz', part: 'CPUs 0-1', atEnd: 2e9, problem: null },
    ]);
    expect([tree.read(LONG), tree.read(SHORT)]).toEqual([205_000_000, 246_000_000]);
    expect([tree.read(clockFile(0, 'min')), tree.read(clockFile(0, 'max'))]).toEqual([1e6, 3.6e6]);
    expect(existsSync(journal)).toBe(false);
  });

  test('locks below the least frequency that was found, and goes back', async () => {
    const tree = powerTree();
    const connection = await open((await helper(tree.root)).socketPath);
    await set(connection, null, 0.8e9);
    expect([tree.read(clockFile(1, 'min')), tree.read(clockFile(1, 'max'))]).toEqual([8e5, 8e5]);
    await connection.ask({ do: 'restore' });
    expect([tree.read(clockFile(1, 'min')), tree.read(clockFile(1, 'max'))]).toEqual([1e6, 3.6e6]);
  });

  test('puts everything back when the connection just closes', async () => {
    const tree = powerTree();
    const { socketPath } = await helper(tree.root);
    const connection = await open(socketPath);
    await set(connection, 90);
    connection.close();
    await settled(() => tree.read(LONG) === 205_000_000 && tree.read(SHORT) === 246_000_000);
  });

  test('puts everything back when it is stopped', async () => {
    const tree = powerTree();
    const started = await helper(tree.root);
    const connection = await open(started.socketPath);
    await set(connection, 90);
    started.stop();
    expect(tree.read(LONG)).toBe(205_000_000);
    await expect(connection.ask({ do: 'restore' })).rejects.toThrow('went away');
  });

  test.each([
    [206, null, 'powerCapWatts of package-0 can be 21 to 205, not 206'],
    [20, null, 'can be 21 to 205'],
    [null, 3.7e9, 'lockedClockHertz of CPUs 0-1 can be 800000000 to 3600000000'],
    [100, 0.7e9, 'lockedClockHertz'],
  ])('refuses %s W and %s Hz, and changes nothing', async (watts, hertz, reason) => {
    const tree = powerTree();
    const { socketPath, journal } = await helper(tree.root);
    await expect(set(await open(socketPath), watts, hertz)).rejects.toThrow(reason);
    expect([tree.read(LONG), tree.read(clockFile(0, 'max'))]).toEqual([205_000_000, 3.6e6]);
    expect(existsSync(journal)).toBe(false);
  });

  test('lets one trial at a time set a package, whichever CPUs of it', async () => {
    const tree = powerTree();
    const { socketPath } = await helper(tree.root);
    const [first, second] = [await open(socketPath), await open(socketPath)];
    await set(first, 100);
    const other = (list: number[]) =>
      second.ask({ do: 'set', target: { cpus: list }, powerCapWatts: 80, lockedClockHertz: null });
    await expect(other([1])).rejects.toThrow('powerCapWatts of package-0 is set for another trial');
    expect((await other([2, 3])).applied?.[0]).toMatchObject({ part: 'package-1', set: 80 });
    // What another trial has set is not what the machine can do.
    expect((await second.ask({ do: 'look', target: cpus })).seen?.[0]).toMatchObject({ most: 205 });
    await first.ask({ do: 'restore' });
    expect((await other([0])).applied?.[0]).toMatchObject({ found: 205, set: 80 });
  });

  test.skipIf(!existsSync(REFUSES))(
    'all or nothing: when one file refuses, the others are put back (needs /proc/sys)',
    async () => {
      const tree = powerTree();
      const { socketPath, journal } = await helper(tree.root);
      rmSync(join(tree.root, SHORT));
      symlinkSync(REFUSES, join(tree.root, SHORT));
      const asked = set(await open(socketPath), 100);
      await expect(asked).rejects.toThrow(/constraint_1_power_limit_uw did not take 100000000 \(E/);
      expect(tree.read(LONG)).toBe(205_000_000);
      expect(existsSync(journal)).toBe(false);
    },
  );

  test('a machine without limits says so', async () => {
    const connection = await open((await helper(temporaryFolder())).socketPath);
    const { absent } = await connection.ask({ do: 'look', target: cpus });
    expect(absent).toEqual({
      powerCapWatts: 'no RAPL in /sys/class/powercap',
      lockedClockHertz: expect.stringContaining('no cpufreq policy'),
    });
    await expect(set(connection, 100)).rejects.toThrow('powerCapWatts cannot be set: no RAPL');
  });
});

describe('what an earlier helper left', () => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const left = (found: object, of = boot) => JSON.stringify({ version: 1, boot: of, found });
  const prepared = (text: string) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'found.json'), text);
    return folder;
  };
  const entry = { 'rapl:0': { long_term: 205_000_000, short_term: 246_000_000, enabled: 1 } };

  test('is put back before anybody may ask', async () => {
    const tree = powerTree();
    tree.write(LONG, 60_000_000);
    tree.write(SHORT, 60_000_000);
    const log: string[] = [];
    const { journal } = await helper(tree.root, prepared(left(entry)), log);
    expect([tree.read(LONG), tree.read(SHORT)]).toEqual([205_000_000, 246_000_000]);
    expect(log).toEqual([expect.stringContaining('put back rapl:0')]);
    expect(existsSync(journal)).toBe(false);
  });

  test('in another boot is undone already', async () => {
    const tree = powerTree();
    tree.write(LONG, 120_000_000);
    await helper(tree.root, prepared(left(entry, 'another')));
    expect(tree.read(LONG)).toBe(120_000_000);
  });

  test('that cannot be put back keeps its place in the journal, and nothing is set over it', async () => {
    const tree = powerTree();
    const folder = prepared(left({ 'rapl:7': { long_term: 1 }, 'cpufreq:0,1': { '0.min': 1, '0.max': 2 } }));
    const log: string[] = [];
    const { socketPath, journal } = await helper(tree.root, folder, log);
    expect(log.join('\n')).toContain('rapl:7 is not put back');
    expect(Object.keys(JSON.parse(readFileSync(journal, 'utf8')).found)).toContain('rapl:7');
    expect((await set(await open(socketPath), 100)).applied).toHaveLength(1);
  });

  test.each(['', '{', '{"version":2}', '{"version":1,"boot":"x","found":{"rapl:0":{"long_term":"1"}}}'])(
    'and cannot be read (%s) keeps a helper from starting, for nobody knows how the machine was',
    async (text) => {
      await expect(helper(powerTree().root, prepared(text))).rejects.toThrow('cannot be read');
    },
  );
});

describe('who may ask', () => {
  test('is decided by the folder and the socket', async () => {
    const { folder, socketPath } = await helper(powerTree().root);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  test('two helpers never share a folder', async () => {
    const first = await helper(powerTree().root);
    await expect(helper(powerTree().root, first.folder)).rejects.toThrow('another power helper listens');
  });

  test('a folder that is a link is not taken', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    await expect(helper(powerTree().root, file)).rejects.toThrow();
  });

  test.each([
    ['no JSON', 'nonsense', 'one JSON object a line'],
    ['an unknown word', '{"do":"run","command":"reboot"}', 'does not know'],
    ['a path', '{"do":"look","target":{"gpu":"../../etc"}}', 'does not know'],
    ['more than was agreed', '{"do":"restore","id":"rapl:0"}', 'does not know'],
    [
      'no number',
      '{"do":"set","target":{"cpus":[0]},"powerCapWatts":"1e9","lockedClockHertz":null}',
      'does not know',
    ],
  ])('%s is refused in a sentence', async (_, line, reason) => {
    const { socketPath } = await helper(powerTree().root);
    const [, answer] = await said(socketPath, `${line}\n`, 2);
    expect(JSON.parse(answer ?? '')).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
  });

  test('a line without end is cut off', async () => {
    const { socketPath } = await helper(powerTree().root);
    expect(await said(socketPath, 'x'.repeat(100_000), 2)).toHaveLength(1);
  });

  test('an agent says so when nobody is there, or another listens', async () => {
    await expect(open('/nowhere/socket')).rejects.toThrow(
      'no power helper answers at /nowhere/socket (ENOENT)',
    );
  });
});

/** What comes back, up to some lines or until the other side closes. */
function said(path: string, text: string, most: number): Promise<string[]> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(path, () => socket.write(text));
    const done = () => {
      socket.destroy();
      resolve(heard.trim().split('\n'));
    };
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      heard += chunk;
      if (heard.split('\n').length > most) done();
    });
    socket.on('error', () => {});
    socket.on('close', done);
  });
}
