import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { textOf } from '../../../agent/tuning/settings.js';
import { type Outcome, refusalOf, tune, untune } from '../../../agent/tuning/tune.js';
import { tuneLines } from '../../../cli/doctor/tune.js';
import { readHost } from '../../../process/device/host.js';
import { tree } from '../../support/system-tree.js';

/** A number that nobody may write, root included. */
const REFUSES = '/proc/sys/kernel/random/poolsize';

const cpuFile = (cpu: number, file: string) => `sys/devices/system/cpu/cpu${cpu}/cpufreq/${file}`;
const governor = (cpu: number) => cpuFile(cpu, 'scaling_governor');
const irq = (number: number) => `proc/irq/${number}/smp_affinity_list`;
const TURBO = 'sys/devices/system/cpu/intel_pstate/no_turbo';
const PAGES = 'sys/kernel/mm/transparent_hugepage/enabled';
const NUMA = 'proc/sys/kernel/numa_balancing';

/** A server of six CPUs and two nodes, as it comes from its maker; 0 to 3 are measured. */
const UNTUNED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5].flatMap((cpu) => [
      [governor(cpu), 'powersave\n'],
      [cpuFile(cpu, 'energy_performance_preference'), 'balance_performance\n'],
    ]),
  ),
  [TURBO]: '0\n',
  'sys/devices/system/cpu/online': '0-5\n',
  'sys/devices/system/node/node0/cpulist': '0-1,4\n',
  'sys/devices/system/node/node1/cpulist': '2-3,5\n',
  [PAGES]: '[always] madvise never\n',
  [irq(24)]: '0-5\n',
  'proc/irq/24/effective_affinity_list': '2\n',
  [irq(25)]: '1\n',
  [irq(26)]: '4\n',
  [NUMA]: '1\n',
  'proc/2/comm': 'kthreadd\n',
};

const MEASURED = [0, 1, 2, 3];

function hostOf(files: Readonly<Record<string, string>>, cpus: readonly number[] = MEASURED) {
  const root = tree(files);
  const roots = { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys'), cgroupRoot: join(root, 'sys') };
  const folder = join(root, 'state/tuned');
  return {
    root,
    folder,
    journal: join(folder, 'found.json'),
    /** Reads the host again, as each command does. */
    tune: () => tune({ cpus, facts: readHost(cpus, roots), roots }, folder),
    untune: () => untune(roots, folder),
    says: (id: string) => textOf(id, roots),
    state: () => Object.fromEntries(Object.keys(files).map((id) => [id, textOf(id, roots)])),
    set: (id: string, text: string) => writeFileSync(join(root, id), text),
  };
}

const lines = (outcomes: readonly Outcome[]) =>
  tuneLines(outcomes, 'sudo ridge').map((line) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's colours.
    line.replaceAll(/\u001b\[\d+m/g, '').replaceAll(/ {2,}/g, ' '),
  );

describe('tuning a host', () => {
  test('sets what files can set, says so of each, and writes down what was there', () => {
    const host = hostOf(UNTUNED);
    expect(lines(host.tune())).toEqual([
      'changed governor CPUs 0-3: powersave → performance',
      'changed energy preference CPUs 0-3: balance_performance → performance',
      'changed turbo intel_pstate/no_turbo: 0 → 1',
      'changed interrupts IRQs 24: 0-5 → 4-5',
      'changed interrupts IRQs 25: 1 → 4-5',
      'changed NUMA balancing 1 → 0',
      'changed transparent huge pages always → madvise',
    ]);
    expect(host.state()).toMatchObject({
      [governor(3)]: 'performance',
      [governor(4)]: 'powersave',
      [TURBO]: '1',
      [irq(24)]: '4-5',
      [irq(26)]: '4',
      [NUMA]: '0',
      [PAGES]: 'madvise',
    });
    expect(JSON.parse(readFileSync(host.journal, 'utf8')).found).toMatchObject({
      [governor(0)]: { before: 'powersave', set: 'performance' },
      [PAGES]: { before: 'always', set: 'madvise' },
    });
  });

  test('twice and then once back is the first state, even where the second found something else', () => {
    const host = hostOf(UNTUNED);
    const first = host.state();
    host.tune();
    host.set('proc/irq/24/effective_affinity_list', '4\n');
    host.set(governor(1), 'ondemand\n');
    expect(lines(host.tune())).toEqual([
      'already governor CPUs 0,2-3: performance',
      'changed governor CPUs 1: ondemand → performance',
      'already energy preference CPUs 0-3: performance',
      'already turbo intel_pstate/no_turbo: 1',
      'already interrupts none go to CPUs 0-3',
      'already NUMA balancing 0',
      'already transparent huge pages madvise',
    ]);
    expect(lines(host.untune())).toContain('changed governor CPUs 0-3: performance → powersave');
    expect(host.state()).toEqual({ ...first, 'proc/irq/24/effective_affinity_list': '4' });
    expect(existsSync(host.journal)).toBe(false);
    expect(host.untune()).toEqual([]);
  });

  test('leaves what somebody else has set since, and says what it was', () => {
    const host = hostOf(UNTUNED);
    host.tune();
    host.set(governor(1), 'ondemand\n');
    host.set(PAGES, 'always [never]\n');
    host.set(TURBO, '0\n');
    const said = lines(host.untune());
    expect(said).toContain('changed governor CPUs 0,2-3: performance → powersave');
    expect(said).toContain(
      'left governor CPUs 1: ondemand, which somebody set since: it was powersave, and was made performance',
    );
    expect(said).toContain(
      'left transparent huge pages never, which somebody set since: it was always, and was made madvise',
    );
    expect(said).toContain('already turbo intel_pstate/no_turbo: 0');
    expect([host.says(governor(1)), host.says(PAGES)]).toEqual(['ondemand', 'never']);
    expect(existsSync(host.journal)).toBe(false);
  });

  test('does the rest where one file is refused, and keeps no account of it', () => {
    const host = hostOf(UNTUNED);
    rmSync(join(host.root, TURBO));
    symlinkSync(REFUSES, join(host.root, TURBO));
    const outcomes = host.tune();
    expect(outcomes.find(({ setting }) => setting === 'turbo')!.text).toMatch(/only root|keeps it as it is/);
    expect(outcomes.filter(({ did }) => did === 'changed')).toHaveLength(12);
    expect(Object.keys(JSON.parse(readFileSync(host.journal, 'utf8')).found)).toHaveLength(12);
    host.untune();
    expect(host.says(governor(0))).toBe('powersave');
  });

  test('keeps in the journal what cannot be put back', () => {
    const host = hostOf(UNTUNED);
    host.tune();
    const journal = JSON.parse(readFileSync(host.journal, 'utf8'));
    journal.found[TURBO] = { before: '0', set: readFileSync(REFUSES, 'utf8').trim() };
    writeFileSync(host.journal, JSON.stringify(journal));
    rmSync(join(host.root, TURBO));
    symlinkSync(REFUSES, join(host.root, TURBO));
    rmSync(join(host.root, governor(2)));
    const refused = host.untune().filter(({ did }) => did === 'refused');
    expect(refused.map(({ setting, part }) => [setting, part])).toEqual([
      ['governor', '2'],
      ['turbo', 'intel_pstate/no_turbo'],
    ]);
    expect(Object.keys(JSON.parse(readFileSync(host.journal, 'utf8')).found)).toEqual([governor(2), TURBO]);
    expect(host.says(governor(1))).toBe('powersave');
  });

  test('opens no file that a journal names and nothing here sets', () => {
    const host = hostOf({ ...UNTUNED, 'sys/other': 'b\n' });
    host.tune();
    const journal = JSON.parse(readFileSync(host.journal, 'utf8'));
    const strange = ['sys/other', `proc/irq/24/../../../${'sys/other'}`, `${PAGES}/../../../../other`];
    journal.found = Object.fromEntries(strange.map((id) => [id, { before: 'a', set: 'b' }]));
    writeFileSync(host.journal, JSON.stringify(journal));
    expect(host.untune().map(({ did }) => did)).toEqual(['refused', 'refused', 'refused']);
    expect(host.says('sys/other')).toBe('b');
  });

  test('says why not on a guest that shows nothing, and makes no folder', () => {
    const host = hostOf({ 'sys/devices/system/cpu/online': '0-5\n', 'proc/cpuinfo': '' });
    expect(lines(host.tune()).map((line) => line.split(':')[0])).toEqual([
      'absent governor no cpufreq here',
      'absent energy preference the processor takes none here',
      'absent turbo neither intel_pstate/no_turbo nor cpufreq/boost is there',
      'absent interrupts /proc/irq does not say where they go',
      'absent NUMA balancing the CPUs are of one NUMA node',
      'absent transparent huge pages this kernel has none, or shows none',
    ]);
    expect(existsSync(host.folder)).toBe(false);
  });

  test('leaves interrupts where irqbalance would move them back, and where no CPU is left', () => {
    const interrupts = (outcomes: readonly Outcome[]) =>
      lines(outcomes.filter(({ setting }) => setting === 'interrupts'));
    const balanced = hostOf({ ...UNTUNED, 'proc/977/comm': 'irqbalance\n' });
    expect(interrupts(balanced.tune())).toEqual([
      expect.stringContaining('refused interrupts irqbalance runs'),
    ]);
    const all = hostOf(UNTUNED, [0, 1, 2, 3, 4, 5]);
    expect(interrupts(all.tune())).toEqual([
      expect.stringContaining('absent interrupts no CPU is left for them'),
    ]);
    expect([balanced.says(irq(24)), all.says(irq(24))]).toEqual(['0-5', '0-5']);
  });

  test('says who may, where this user may not', () => {
    expect(refusalOf('EACCES', false)).toEqual({ did: 'refused', text: 'only root may write it' });
    expect(refusalOf('EPERM', true).did).toBe('absent');
    expect(refusalOf('EROFS', true)).toMatchObject({
      did: 'refused',
      text: expect.stringContaining('on the host'),
    });
    const outcome = { setting: 'turbo', part: null, ...refusalOf('EACCES', false) };
    expect(lines([outcome, { ...outcome, setting: 'NUMA balancing' }])).toEqual([
      'refused turbo only root may write it',
      'refused NUMA balancing only root may write it',
      ' sudo ridge',
    ]);
  });
});
