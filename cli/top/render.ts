import type { NodeProfile } from '../../core/experiment/node.js';
import { printable } from '../../core/input/printable.js';
import type { NamespaceStatus, NodeStatus, SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { isConnected } from '../node-states.js';
import { plainTable } from '../output/plain-table.js';
import { cut } from '../output/text.js';
import { stateWord } from '../sweeps/sweeps.js';

/** What a coordinator says at one moment. */
export interface Fleet {
  readonly at: string;
  readonly namespaces: readonly NamespaceStatus[];
  readonly sweeps: readonly SweepStatus[];
  readonly nodes: readonly { readonly status: NodeStatus; readonly profile: NodeProfile }[];
}

/**
 * A screen of a fleet: a line of sums, namespaces, sweeps that are not over, and each device with what runs
 * there.
 * @param columns lines are cut there; @param rows lines at most, null = all: what does not fit is counted.
 */
export function renderFleet(fleet: Fleet, columns: number, rows: number | null): string {
  const live = fleet.sweeps.filter((sweep) => ['running', 'paused'].includes(stateWord(sweep)));
  const sections = [
    [summary(fleet, live)],
    table(
      ['namespace', 'weight', 'sweeps', 'running', 'queued', 'device-hours'],
      fleet.namespaces.map(namespaceRow),
    ),
    table(['sweep', 'state', 'done', 'running', 'left'], live.map(sweepRow)),
    table(['node', 'device', 'for', 'trial'], fleet.nodes.flatMap(deviceRows)),
  ];
  const lines = sections
    .filter((section) => section.length > 0)
    .flatMap((section, i) => (i === 0 ? section : ['', ...section]));
  const kept =
    rows === null || lines.length <= rows
      ? lines
      : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} lines more`];
  // Names of other people are in it.
  return kept.map((line) => cut(printable(line).trimEnd(), columns)).join('\n');
}

function summary({ at, nodes }: Fleet, live: readonly SweepStatus[]): string {
  const there = nodes.filter(({ status }) => isConnected(status));
  const devices = there.reduce((sum, { profile }) => sum + profile.devices.length, 0);
  const busy = there.reduce((sum, { status }) => sum + status.running.length, 0);
  const queued = live.reduce((sum, sweep) => sum + sweep.queued, 0);
  return `${at.slice(11, 19)}  ${there.length} of ${nodes.length} nodes, ${busy} of ${devices} devices busy, ${live.length} sweep${live.length === 1 ? '' : 's'}, ${queued} point${queued === 1 ? ' waits' : 's wait'}`;
}

type Cell = string | number | null;

function table(headers: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  return rows.length === 0 ? [] : plainTable(headers, rows).split('\n');
}

function namespaceRow(status: NamespaceStatus): Cell[] {
  const { name, weight, sweeps, queued } = status;
  const withLimit = (value: string, most: number | undefined) =>
    most === undefined ? value : `${value}/${most}`;
  const running = withLimit(String(status.running), status.mostRunning);
  return [
    name,
    weight,
    sweeps,
    running,
    queued,
    withLimit(status.deviceHours.toFixed(1), status.mostDeviceHours),
  ];
}

function sweepRow(sweep: SweepStatus): Cell[] {
  const { namespace, name, points, complete, failed, invalid, running, secondsLeft, blockedReasons } = sweep;
  const stated = stateWord(sweep);
  const state = stated === 'running' && running === 0 && blockedReasons.length > 0 ? 'waits' : stated;
  return [
    namespace === 'default' ? name : `${namespace}/${name}`,
    state,
    `${complete + failed + invalid}/${points}`,
    running,
    secondsLeft === 0 ? null : timeText(secondsLeft),
  ];
}

function deviceRows({ status, profile }: Fleet['nodes'][number]): Cell[][] {
  const state = status.cordoned === '' ? status.state : `${status.state}, cordoned: ${status.cordoned}`;
  return profile.devices.map(({ id, classes }, i) => {
    const trial = status.running.find(({ deviceId }) => deviceId === id);
    const device = classes.at(-1) ?? id;
    const node = i === 0 ? profile.name : '';
    if (trial === undefined)
      return [node, device, null, i === 0 || status.cordoned === '' ? `(${state})` : ''];
    const phase = trial.phase === '' ? '' : `  ${trial.phase} ${trial.repeat}/${trial.maxRepeats}`;
    return [node, device, timeText(trial.elapsedSeconds), `${trial.label}${phase}`];
  });
}

/** `45s`, `12m`, `3h05m`, `2d4h` */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 100) return `${whole}s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 100) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours}h${String(minutes % 60).padStart(2, '0')}m`
    : `${Math.floor(hours / 24)}d${hours % 24}h`;
}
