import { expect, test } from 'vitest';
import { type Fleet, renderFleet, timeText } from '../../../cli/top/render.js';
import { SweepState } from '../../../proto/gen/ridgepoint/v1/control.js';
import { aNode } from '../../support/wire-records.js';

const sweep = {
  sweepId: 's1',
  name: 'quick',
  state: SweepState.SWEEP_STATE_RUNNING,
  points: 40,
  complete: 10,
  failed: 1,
  invalid: 0,
  running: 1,
  queued: 28,
  reused: 0,
  submittedAt: '',
  trialSeconds: 9,
  starts: 3,
  maxStarts: 3,
  start: 1,
  trialsLeft: 80,
  disturbed: 0,
  blockedReasons: [],
  failureReasons: [],
  objectives: [],
  invalidBy: [],
  disturbedBy: [],
  names: [],
  namespace: 'lab',
  priority: 0,
  secondsLeft: 7260,
  pinned: '',
  spared: 0,
  search: undefined,
};
const trial = {
  trialId: 't',
  experimentId: 'x',
  node: 'gpu-1',
  deviceId: 'cpu0',
  phase: 'decode',
  repeat: 2,
  maxRepeats: 5,
  label: `tiny q8_0 \u001b[31m ${'long '.repeat(30)}`,
  elapsedSeconds: 75,
};
const node = (name: string, running: (typeof trial)[], state: string, cordoned = '') => ({
  status: {
    ...{ name, state, lastSeenAt: '', nodeProfileJson: '', running, cordoned },
    ...{ health: undefined, lostRunners: [] },
  },
  profile: aNode(name),
});
const fleet: Fleet = {
  at: '2026-11-30T12:34:56Z',
  namespaces: [
    {
      name: 'lab',
      weight: 2,
      sweeps: 1,
      running: 1,
      queued: 28,
      deviceHours: 12.34,
      mostRunning: 4,
      mostDeviceHours: 100,
    },
    {
      name: 'default',
      weight: 1,
      sweeps: 0,
      running: 0,
      queued: 0,
      deviceHours: 0,
      mostRunning: undefined,
      mostDeviceHours: undefined,
    },
  ],
  sweeps: [sweep, { ...sweep, state: SweepState.SWEEP_STATE_DONE, name: 'over' }],
  nodes: [
    node('gpu-1', [trial], 'busy'),
    node('gpu-2', [], 'idle', 'a fan is loud'),
    node('gpu-3', [], 'lost'),
  ],
};

test('a screen says who uses what and what runs where, in 80 columns and whatever others are called', () => {
  const text = renderFleet(fleet, 80, null);
  const lines = text.split('\n');
  expect(lines[0]).toBe('12:34:56  2 of 3 nodes, 1 of 2 devices busy, 1 sweep, 28 points wait');
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  expect(text).not.toContain('\u001b');
  expect(text).toMatch(/^lab +2 +1 +1\/4 +28 +12\.3\/100$/m);
  expect(text).toMatch(/^lab\/quick +running +11\/40 +1 +2h01m$/m);
  expect(text).not.toContain('over');
  expect(text).toMatch(/^gpu-1 +\S+ +75s +tiny q8_0 .*…$/m);
  expect(text).toMatch(/^gpu-2 .*\(idle, cordoned: a fan is loud\)$/m);
  expect(text).toMatch(/^gpu-3 .*\(lost\)$/m);
});

test('what does not fit on the screen is counted', () => {
  const lines = renderFleet(fleet, 80, 6).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines.at(-1)).toMatch(/^… \d+ lines more$/);
});

test('times have two parts at most', () => {
  expect([5, 99, 150, 5900, 86_400, 400_000].map(timeText)).toEqual('5s 99s 3m 98m 24h00m 4d15h'.split(' '));
});
