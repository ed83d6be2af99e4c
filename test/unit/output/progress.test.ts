import { describe, expect, test } from 'vitest';
import {
  type Progress,
  plainProgress,
  type RunningTrial,
  renderProgress,
} from '../../../cli/output/progress.js';
import { progressWriter } from '../../../cli/output/progress-writer.js';
import { columnsOf } from '../../../cli/output/text.js';
import { duration, secondsLeft } from '../../../report/time-left.js';

const trial: RunningTrial = {
  label: 'small q8_0 flashAttention=true parallel=4',
  node: 'n1',
  phase: 'decode',
  repeat: 3,
  maxRepeats: 10,
  elapsedSeconds: 4,
};
const progress: Progress = {
  points: 40,
  complete: 9,
  disturbed: 3,
  invalid: 2,
  failed: 1,
  starts: 1,
  maxStarts: 1,
  start: 1,
  trialsLeft: 28,
  search: null,
  paused: false,
  running: [trial],
  trialSeconds: 10,
  elapsedSeconds: 125,
};
const style = { width: 120, color: false, unicode: true };

describe('progress', () => {
  test('counts, warnings, time and what runs are on screen', () => {
    const [head, line] = renderProgress(progress, style);
    expect(head).toBe(
      '███████░░░░░░░░░░░░░░░░░ 12/40 (3 disturbed, 2 invalid, 1 failed), 2 min 05 s, about 4 min 36 s left',
    );
    expect(line).toBe('  small q8_0 flashAttention=true parallel=4: decode 3/10, 4 s');
    const warmingUp = { ...progress, running: [{ ...trial, phase: 'warm-up' as const }] };
    expect(renderProgress(warmingUp, style)[1]).toContain(': warm-up 3, 4 s');
  });

  test('of a search they are what is spent of its budget, and the bar is full when it has ended', () => {
    const search = {
      measured: 20,
      skipped: [],
      hypervolume: 0.98,
      ended: null,
      trials: 30,
      deviceSeconds: 300,
      joules: 0,
      budget: { trials: 60, deviceHours: 0.5, joules: null },
    };
    const searched = { ...progress, points: 96, invalid: 0, failed: 0, disturbed: 0, search };
    expect(renderProgress(searched, { ...style, width: 200 })[0]).toBe(
      '████████████░░░░░░░░░░░░ 20 of 96 points, 30 of 60 trials, 5 min 00 s of 30 min of devices, front 98 %, 2 min 05 s, about 5 min 00 s left',
    );
    const [ended] = renderProgress(
      { ...searched, search: { ...search, ended: 'its budget is spent' } },
      style,
    );
    expect(ended).toMatch(/^█{24} /);
    const open = { ...search, budget: { trials: null, deviceHours: null, joules: null } };
    expect(renderProgress({ ...searched, search: open }, style)[0]).toContain(
      '20 of 96 points, front 98 %, 2 min 05 s',
    );
  });

  test('time left is the open trials at the usual length over what runs side by side', () => {
    expect(secondsLeft(progress)).toBe(28 * 10 - 4);
    expect(secondsLeft({ ...progress, running: [trial, trial] })).toBe((28 * 10 - 8) / 2);
    expect(secondsLeft({ ...progress, trialSeconds: null })).toBeNull();
    expect(secondsLeft({ ...progress, trialsLeft: 0 })).toBe(0);
    // A trial that takes longer than usual does not make the rest shorter.
    expect(secondsLeft({ ...progress, running: [{ ...trial, elapsedSeconds: 500 }] })).toBe(270);
  });

  test('nobody knows how much time is left of what is paused', () => {
    const line = '12/40 (3 disturbed, 2 invalid, 1 failed), 2 min 05 s, paused';
    expect(renderProgress({ ...progress, paused: true }, style)[0]).toContain(line);
    expect(plainProgress({ ...progress, paused: true }, null)).toBe(line);
  });

  test('with several starts, rows are counted, and which start they are at; the bar moves with every trial', () => {
    const several = {
      ...progress,
      starts: 3,
      maxStarts: 3,
      start: 2,
      complete: 0,
      disturbed: 0,
      trialsLeft: 60,
    };
    expect(renderProgress(several, { ...style, width: 120 })[0]).toBe(
      '████████████░░░░░░░░░░░░ 3/40 rows, 60 of 120 starts (2 invalid, 1 failed), 2 min 05 s, about 10 min left',
    );
    const more = { ...several, maxStarts: 8, start: 4, trialsLeft: 9 };
    expect(renderProgress(more, { ...style, width: 120 })[0]).toContain('3/40 rows, start 4 of 3 to 8 (');
    expect(plainProgress({ ...several, trialsLeft: 59 }, several)).toContain('61 of 120 starts');
    expect(plainProgress(several, several)).toBeNull();
  });

  test('it fits any terminal, also with many nodes and long or hostile names', () => {
    const long = { ...trial, node: 'n2', label: `${'x'.repeat(300)}\x1b[2J` };
    for (const width of [20, 40, 80, 200]) {
      for (const unicode of [true, false]) {
        const lines = renderProgress(
          { ...progress, running: [trial, long, trial, long, trial, long] },
          { width, color: false, unicode },
        );
        for (const line of lines) expect(columnsOf(line)).toBeLessThan(width);
        expect(lines.join('')).not.toContain('\x1b');
        expect(lines.at(-1)).toContain('2 more');
      }
    }
  });

  test('durations read like people say them', () => {
    expect([0.4, 59, 61, 599, 3600, 3 * 3600 + 300, 52 * 3600].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 01 s',
      '10 min',
      '1 h 00 min',
      '3 h 05 min',
      '2 d 4 h',
    ]);
  });

  test('a terminal gets one block that is drawn over, lines that are said stay above it', () => {
    const written: string[] = [];
    const writer = progressWriter(
      { isTTY: true, columns: 100, write: (text) => written.push(text) },
      { color: false, unicode: true },
    );
    writer.update(progress);
    writer.say('node n3 joined');
    writer.update({ ...progress, running: [] });
    writer.end();
    expect(written[0]?.split('\n')).toHaveLength(3);
    expect(written[1]).toContain('\x1b[2F\x1b[0Jnode n3 joined\n█');
    expect(written[2]).toContain('\x1b[2F');
    expect(written[3]).toBe('\x1b[1F\x1b[0J');
  });

  test('a pipe gets a line when a count changes, and no escape sequence ever', () => {
    const written: string[] = [];
    const writer = progressWriter({ write: (text) => written.push(text) }, { color: true, unicode: true });
    writer.update(progress);
    writer.update({ ...progress, elapsedSeconds: 130 });
    writer.update({ ...progress, complete: 10, elapsedSeconds: 131 });
    writer.end();
    expect(written).toHaveLength(2);
    expect(written.join('')).not.toContain('\x1b');
    expect(written[1]).toMatch(/^13\/40/);
  });

  test('and where ten seconds bring no change, a line that says what runs', () => {
    const written: string[] = [];
    const writer = progressWriter({ write: (text) => written.push(text) }, { color: true, unicode: true });
    const making = { ...trial, phase: 'the quantization', repeat: 0, label: 'small\x1b[2J q8_0' };
    for (let elapsedSeconds = 0; elapsedSeconds < 25; elapsedSeconds++)
      writer.update({ ...progress, elapsedSeconds, running: [making, trial] });
    writer.end();
    expect(written).toHaveLength(3);
    expect(written[2]).toMatch(/, 20 s, about .* left; small.* q8_0: the quantization, and 1 more\n$/);
    expect(written.join('')).not.toContain('\x1b');
  });
});
