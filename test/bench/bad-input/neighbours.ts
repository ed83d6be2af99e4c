import { symlinkSync, writeFileSync } from 'node:fs';
import { freePort, until } from '../../support/services.js';
import { complete, ended, printed, refused } from './expectations.js';
import { type Case, records } from './ground.js';
import { fakeSweep } from './sweep.js';

const noCoordinator: Case = {
  name: '9 no coordinator at the address: submit, watch, cancel, sweeps, results, nodes',
  async run(ground) {
    const address = `127.0.0.1:${await freePort()}`;
    const file = ground.write('sweep.yaml', fakeSweep(1, 0.3));
    const wrong: string[] = [];
    for (const words of [['submit', file], ['watch'], ['cancel', 'x'], ['sweeps'], ['results'], ['nodes']]) {
      const finished = await ground.ridge([...words, '--coordinator', address]);
      wrong.push(...refused(finished, { code: 1, says: [`no coordinator answers at ${address}`] }));
    }
    return wrong;
  },
};

const sameName: Case = {
  name: '9 two agents of the same name',
  async run(ground) {
    const address = await ground.coordinator();
    const agent = (data: string) =>
      ground.start(['agent', '--coordinator', address, '--name', 'twin', '--data', data]);
    const nodes = async () => (await ground.ridge(['nodes', '--coordinator', address])).stdout;
    const first = agent('a1');
    await until('the first agent to join', async () => ((await nodes()).includes('twin') ? true : null));
    const second = agent('a2');
    await second.says(/Another agent is connected as node .*twin.*: give one of them another name/);
    const file = ground.write('sweep.yaml', fakeSweep(3, 0.3));
    const submitted = await ground.ridge(['submit', file, '--coordinator', address, '--watch']);
    const wrong = [...ended(submitted, 0), ...printed(submitted, ['3/3'])];
    // Told to stop, both go; the one that was refused as well.
    for (const running of [second, first]) running.process.kill('SIGTERM');
    const codes = await Promise.all([first.ended, second.ended]);
    for (const { code } of codes) if (code !== 0) wrong.push(`an agent ended with ${code}`);
    const left = (await nodes()).split('\n').filter((line) => line.includes('twin')).length;
    if (left > 1) wrong.push(`${left} nodes of one name`);
    return [...wrong, ...(await ground.interruptAll())];
  },
};

const twice: Case = {
  name: '9 the same run twice at once',
  async run(ground) {
    const file = ground.write('sweep.yaml', fakeSweep(4, 1));
    const first = ground.start(['run', file, '--out', 'out']);
    await first.says(/0\/4/);
    const second = await ground.ridge(['run', file, '--out', 'out']);
    const wrong = refused(second, { code: 1, says: ['another run', `process ${first.process.pid}`, 'out'] });
    const finished = await first.ended;
    return [...wrong, ...ended({ ...finished, seconds: 0 }, 0), ...complete(records(ground.path('out')), 4)];
  },
};

const brokenLine: Case = {
  name: '9 a results file with a broken line',
  async run(ground) {
    const file = ground.write('sweep.yaml', fakeSweep(2, 0.3));
    const wrong = ended(await ground.ridge(['run', file, '--out', 'out']), 0);
    const good = records(ground.path('out')).map((record) => JSON.stringify(record));
    const report = (name: string, lines: readonly string[]) => {
      ground.write(name, `${lines.join('\n')}\n`);
      return ground.ridge(['report', name, '--format', 'csv']);
    };
    const torn = await report('torn.jsonl', [good[0]!, good[1]!.slice(0, 500)]);
    wrong.push(...refused(torn, { code: 2, says: ['torn.jsonl:2'], hint: false }));
    const other = await report('other.jsonl', [good[0]!, '{"schema":"other"}']);
    wrong.push(...refused(other, { code: 2, says: ['other.jsonl:2', 'schema'] }));
    const binary = await report('binary.jsonl', ['\u0000\u0001\u001b[2J']);
    wrong.push(...refused(binary, { code: 2, says: ['binary.jsonl:1'], hint: false }));
    if (binary.stderr.includes('\u001b')) wrong.push('control characters reach the terminal');
    return wrong;
  },
};

const noFolder: Case = {
  name: '9 an --out below a file, a file itself, a dangling link, below /proc',
  async run(ground) {
    const file = ground.write('sweep.yaml', fakeSweep(1, 0.3));
    ground.write('plain', 'x');
    symlinkSync(ground.path('nowhere', 'deeper'), ground.path('link'));
    const wrong: string[] = [];
    for (const out of ['plain', 'plain/out', 'link', 'link/out', '/proc/out']) {
      const finished = await ground.ridge(['run', file, '--out', out]);
      wrong.push(...refused(finished, { code: 2, says: [out] }));
    }
    return wrong;
  },
};

const brokenLog: Case = {
  name: '9 a log that is no log',
  async run(ground) {
    const file = ground.write('sweep.yaml', fakeSweep(1, 0.3));
    const wrong = ended(await ground.ridge(['run', file, '--out', 'out']), 0);
    for (const name of ['log.sqlite-wal', 'log.sqlite-shm']) ground.remove('out', name);
    writeFileSync(ground.path('out', 'log.sqlite'), Buffer.alloc(8192, 'no log '));
    const again = await ground.ridge(['run', file, '--out', 'out']);
    wrong.push(...refused(again, { code: 1, says: ['log.sqlite', 'not a readable log'] }));
    const fresh = await ground.ridge(['run', file, '--out', 'out', '--fresh']);
    return [...wrong, ...ended(fresh, 0), ...complete(records(ground.path('out')), 1)];
  },
};

export const NEIGHBOUR_CASES: readonly Case[] = [
  noCoordinator,
  sameName,
  twice,
  brokenLine,
  noFolder,
  brokenLog,
];
