import { afterEach, expect, test, vi } from 'vitest';
import { plainTable } from '../../../cli/output/plain-table.js';
import { say } from '../../../cli/output/print.js';
import { sayAskedAgain, watchSweep } from '../../../cli/watch/watch.js';
import type { ControlConnection } from '../../../proto/client.js';
import {
  SweepState,
  SweepStatus,
  type WatchSweepResponse,
} from '../../../proto/gen/ridgepoint/v1/control.js';
import { heard } from '../../support/heard.js';
import { aLease, aRecord } from '../../support/wire-records.js';

const { SWEEP_STATE_RUNNING, SWEEP_STATE_PAUSED, SWEEP_STATE_DONE } = SweepState;

afterEach(() => vi.restoreAllMocks());

/** @returns the lines on stderr while a sweep goes through these states. */
async function watched(states: readonly Partial<SweepStatus>[]): Promise<string[]> {
  async function* updates(): AsyncGenerator<WatchSweepResponse> {
    for (const state of states) {
      yield {
        status: SweepStatus.fromPartial({ sweepId: 's1', points: 4, trialSeconds: 10, ...state }),
        running: [],
      };
    }
  }
  const said = heard();
  await watchSweep({ watchSweep: updates } as unknown as ControlConnection, 's1');
  return said.stderr.split('\n').filter((line) => !/^\d\/4/.test(line) && line !== '');
}

test('a pause is told with its reason and what ends it, its end as well, and again when it comes back', async () => {
  const paused = (reason: string) => ({ state: SWEEP_STATE_PAUSED, blockedReasons: [reason] });
  const line = (reason: string) => `paused: ${reason}; \`ridge resume s1\` goes on`;
  const waits = { state: SWEEP_STATE_RUNNING, blockedReasons: ['no node is connected'] };
  expect(
    await watched([
      waits,
      waits,
      paused('lunch'),
      paused('lunch'),
      paused('dinner'),
      waits,
      paused('lunch'),
      { state: SWEEP_STATE_DONE },
    ]),
  ).toEqual([
    'waiting: no node is connected',
    line('lunch'),
    line('dinner'),
    'resumed: it goes on',
    'waiting: no node is connected',
    line('lunch'),
  ]);
});

test('what others wrote moves no cursor', async () => {
  const lines = await watched([
    { state: SWEEP_STATE_PAUSED, blockedReasons: ['\x1b[2Jgone'] },
    { state: SWEEP_STATE_DONE, failureReasons: ['\x1b]0;title\x07'] },
  ]);
  expect(lines).toHaveLength(2);
  for (const sign of ['\x1b', '\x07']) expect(lines.join('')).not.toContain(sign);
});

test('nor do names in what is said, and in tables, whose columns stay in line', () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  say('\x1b[2Jgone is paused: nothing of it runs\nand goes on');
  expect(written.mock.calls.map(([line]) => line)).toEqual([
    '\ufffd[2Jgone is paused: nothing of it runs\n',
    'and goes on\n',
  ]);
  const table = plainTable(
    ['sweep', 'points'],
    [
      ['a\x1b[31m\nb', 1],
      ['c', 20],
    ],
  );
  expect(table.split('\n').slice(1)).toEqual([`a\ufffd[31m b${'1'.padStart(8)}`, `c${'20'.padStart(15)}`]);
});

test('a word that fits no line behind its indent is not cut: its sentence stays as it is', () => {
  const { isTTY, columns } = process.stderr;
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  try {
    Object.assign(process.stderr, { isTTY: true, columns: 20 });
    const path = '/a/path/of/19/chars';
    say(`results are in ${path}`);
    expect(lines).toEqual([`results are in ${path}\n`]);
    lines.length = 0;
    say(`results are in ${path.slice(1)}`);
    expect(lines).toEqual(['results are in\n', `  ${path.slice(1)}\n`]);
  } finally {
    Object.assign(process.stderr, { isTTY, columns });
  }
});

test('rows that were asked again since a submission are told by the log, whatever the clock of their node says', async () => {
  /** A result at an entry of the log, of a node whose clock is a year behind. */
  const asked = (position: number, task: string) => {
    const changes = [{ task, todo: 'ask again' as const, reason: `the questions of ${task} changed` }];
    const quality = {
      text: null,
      tasks: [],
      textDigest: null,
      taskDigests: [],
      warnings: [],
      seconds: 1,
      reused: false,
      again: { at: '2025-01-01T00:00:00Z', changes },
    };
    return { position, recordJson: JSON.stringify({ ...aRecord(aLease(task)), quality }), moreJson: [] };
  };
  async function* streamResults({ after }: { readonly after?: number }) {
    for (const one of [asked(3, 'exam'), asked(5, 'quiz')]) if (one.position > (after ?? 0)) yield one;
  }
  const said = heard();
  await sayAskedAgain({ streamResults } as unknown as ControlConnection, { sweepId: 's1', position: 4 });
  expect(said.stderr).toBe('1 row: the questions of quiz changed: asked again\n');
});
