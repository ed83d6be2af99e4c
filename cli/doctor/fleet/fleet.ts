import { setTimeout as sleep } from 'node:timers/promises';
import { groupBy } from '../../../core/maps.js';
import { VERSION } from '../../../process/package.js';
import type { ControlConnection } from '../../../proto/client.js';
import { fromSweepState, parseNodeProfile } from '../../../proto/convert.js';
import { WireError } from '../../../proto/errors.js';
import type { SweepStatus } from '../../../proto/gen/ridgepoint/v1/control.js';
import { withCoordinator } from '../../connection.js';
import { EXIT } from '../../exit.js';
import type { ConnectionOptions } from '../../options/connection.js';
import { printDrawn, printJson } from '../../output/print.js';
import { type Colors, stdoutColors } from '../../output/terminal.js';
import { type Check, type CoordinatorSeen, checkFleet, type Fleet, type QueueSeen } from './checks.js';

/** Between two trials of a device nothing runs for a moment: a queue is looked at twice, so far apart. */
const SECOND_LOOK_SECONDS = 3;

/**
 * `ridge doctor --fleet`: what of a fleet somebody has to look after, and what to do.
 * @returns 0 when there is nothing, 1 when there is something.
 */
export async function doctorFleet(options: ConnectionOptions & { readonly json?: true }): Promise<number> {
  const checks = checkFleet(await withCoordinator(options, lookAtFleet));
  const ok = checks.every(({ findings }) => findings.length === 0);
  if (options.json === true) printJson({ ok, checks });
  else printDrawn(checks.flatMap((check) => linesOfCheck(check, stdoutColors())).join('\n'));
  return ok ? EXIT.ok : EXIT.failed;
}

/** Asks every coordinator of itself, and the one that leads of nodes and sweeps. */
export async function lookAtFleet(control: ControlConnection): Promise<Fleet> {
  const [answers, { nodes }] = await Promise.all([control.leaders(), control.listNodes()]);
  return {
    version: VERSION,
    now: Date.now(),
    coordinators: answers.map(({ address, answer }): CoordinatorSeen => {
      if (answer instanceof WireError)
        return { address, trouble: answer.message, health: null, leads: false };
      const { trouble, health, ownAddress, leaderAddress } = answer;
      return { address, trouble, health: health ?? null, leads: ownAddress === leaderAddress };
    }),
    nodes: nodes.map((status) => ({ status, profile: parseNodeProfile(status.nodeProfileJson) })),
    queues: await standingQueues(control),
  };
}

/** @returns sweeps of which points wait while nothing of them runs, at two looks. */
async function standingQueues(control: ControlConnection): Promise<QueueSeen[]> {
  const standing = async () => (await control.listSweeps()).sweeps.filter(standsStill);
  const first = await standing();
  if (first.length === 0) return [];
  await sleep(1000 * SECOND_LOOK_SECONDS);
  const before = new Map(first.map((sweep) => [sweep.sweepId, sweep]));
  const isAsBefore = (sweep: SweepStatus) => before.get(sweep.sweepId)?.queued === sweep.queued;
  return (await standing()).filter(isAsBefore).map(({ sweepId, name, queued, blockedReasons }) => {
    return { sweepId, name, queued, reasons: blockedReasons };
  });
}

const standsStill = ({ state, running, queued }: SweepStatus): boolean =>
  fromSweepState(state) === 'running' && running === 0 && queued > 0;

/** Most lines of one kind of finding: a fleet of thousands may have thousands. */
const MOST_LINES = 20;

/** @returns a check as people read it. */
export function linesOfCheck({ name, seen, findings }: Check, colors: Colors): string[] {
  const label = name.padEnd(14);
  if (findings.length === 0) return [`${colors.green('ok   ')}  ${label} ${seen}`];
  const lines = [...groupBy(findings, ({ advice }) => advice)].flatMap(([advice, alike]) => [
    ...alike
      .slice(0, MOST_LINES)
      .map(({ who, found }) => `${colors.yellow('look ')}  ${label} ${who}: ${found}. ${colors.dim(advice)}`),
    ...(alike.length > MOST_LINES
      ? [`${colors.yellow('look ')}  ${label} and ${alike.length - MOST_LINES} more (--json has all)`]
      : []),
  ]);
  return lines;
}
