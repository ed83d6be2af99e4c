import type { NodeProfile } from '../../../core/experiment/node.js';
import { formatValue } from '../../../core/metrics/format.js';
import { minuteOf } from '../../../core/minute.js';
import type { NodeStatus } from '../../../proto/gen/ridgepoint/v1/control.js';
import type { ProcessHealth } from '../../../proto/gen/ridgepoint/v1/health.js';
import { duration } from '../../../report/time-left.js';
import { isConnected } from '../../node-states.js';

/** A coordinator as it answers. */
export interface CoordinatorSeen {
  readonly address: string;
  /** Why it cannot be asked, or cannot lead; empty = it can. */
  readonly trouble: string;
  /** null = it does not answer. */
  readonly health: ProcessHealth | null;
  readonly leads: boolean;
}

/** A node, as the coordinator that leads knows it. */
export interface NodeSeen {
  readonly status: NodeStatus;
  readonly profile: NodeProfile;
}

/** A sweep whose points wait while nothing of it runs. */
export interface QueueSeen {
  readonly sweepId: string;
  readonly name: string;
  readonly queued: number;
  readonly reasons: readonly string[];
}

/** What is known of a fleet at a moment. */
export interface Fleet {
  /** Release of whoever looks. */
  readonly version: string;
  /** Milliseconds since 1970, by the clock of whoever looks. */
  readonly now: number;
  readonly coordinators: readonly CoordinatorSeen[];
  readonly nodes: readonly NodeSeen[];
  readonly queues: readonly QueueSeen[];
}

export interface FleetFinding {
  /** `node gpu-1`, `coordinator host:7077`, `sweep night`. */
  readonly who: string;
  readonly found: string;
  /** A sentence: what to do. */
  readonly advice: string;
}

export interface Check {
  readonly name: string;
  /** What was looked at, for the line where nothing is to be done. */
  readonly seen: string;
  readonly findings: readonly FleetFinding[];
}

/**
 * Messages of a busy fleet take tenths of a second; from here on times of records and ends of certificates
 * are read wrong.
 */
const MOST_CLOCK_SECONDS = 2;
const CERTIFICATE_DAYS = 14;
const DAY_MILLISECONDS = 86_400_000;
/** Less than a few results with their answers, and the log's own work, may need. */
const LEAST_DISK_BYTES = 2 ** 30;
/** A result that has just ended waits for a moment, and longer while its answers are brought. */
const MOST_WAITING_SECONDS = 120;

/** A process that says something of itself. */
interface Speaker {
  readonly who: string;
  readonly health: ProcessHealth;
  /** Ahead of the clock that it was compared with; null = not known. */
  readonly clockAheadSeconds: number | null;
  readonly comparedWith: string;
  readonly isHere: boolean;
  /** How its certificate is renewed. */
  readonly renew: string;
}

/** @returns each check with what somebody has to look after; one without findings is well. Pure. */
export function checkFleet(fleet: Fleet): Check[] {
  const speakers = [...fleet.coordinators.flatMap(coordinatorOf(fleet.now)), ...fleet.nodes.flatMap(nodeOf)];
  return [
    coordinators(fleet),
    nodes(fleet),
    versions(fleet, speakers),
    clocks(speakers),
    certificates(fleet.now, speakers),
    runners(fleet),
    disks(speakers),
    spools(speakers),
    queues(fleet),
  ];
}

const coordinatorOf =
  (now: number) =>
  ({ address, health }: CoordinatorSeen): Speaker[] =>
    health === null
      ? []
      : [
          {
            who: `coordinator ${address}`,
            health,
            clockAheadSeconds: (health.clockUnixMilliseconds - now) / 1000,
            comparedWith: 'this machine’s',
            isHere: true,
            renew: '`ridge certs coordinator` makes another; the coordinator reads it by itself.',
          },
        ];

function nodeOf({ status }: NodeSeen): Speaker[] {
  const { name, health, clockAheadSeconds } = status;
  if (health === undefined) return [];
  const renew = `\`ridge certs node ${name}\` makes another; the agent reads it when it connects again.`;
  return [
    {
      who: `node ${name}`,
      health,
      clockAheadSeconds: clockAheadSeconds ?? null,
      comparedWith: 'the coordinator’s',
      isHere: isConnected(status),
      renew,
    },
  ];
}

function coordinators({ coordinators: all }: Fleet): Check {
  const findings = all
    .filter(({ trouble }) => trouble !== '')
    .map(({ address, trouble, health }) => ({
      who: `coordinator ${address}`,
      found: sentence(trouble),
      advice:
        health === null
          ? 'Look at whether its process runs and its port can be reached.'
          : 'Its /readyz and its log say more.',
    }));
  const leader = all.find(({ leads }) => leads);
  const rest = leader === undefined ? 'one of others leads' : `${leader.address} leads`;
  return { name: 'coordinators', seen: `${all.length} answer; ${rest}`, findings };
}

function nodes({ nodes: all }: Fleet): Check {
  const findings = all
    .filter(({ status }) => status.state === 'lost')
    .map(({ status: { name, lastSeenAt } }) => ({
      who: `node ${name}`,
      found: `lost, last heard of at ${minuteOf(lastSeenAt)} UTC`,
      advice: 'Start its agent again; one that does not come back leaves the list by itself.',
    }));
  const connected = all.filter(({ status }) => isConnected(status));
  const cordoned = connected.filter(({ status }) => status.cordoned !== '').length;
  if (connected.length === 0 && findings.length === 0)
    findings.push({
      who: 'the fleet',
      found: 'no node is connected',
      advice: 'Start an agent: `ridge agent --coordinator HOST:PORT`.',
    });
  return {
    name: 'nodes',
    seen: `${connected.length} connected${cordoned === 0 ? '' : `, ${cordoned} of them cordoned`}`,
    findings,
  };
}

/** The release that leads is what all others are compared with. */
function versions({ version, coordinators: all }: Fleet, speakers: readonly Speaker[]): Check {
  const leading = all.find(({ leads }) => leads)?.health?.version ?? version;
  const others = speakers
    .filter(({ isHere, health }) => isHere && health.version !== leading)
    .map(({ who, health }) => ({ who, version: health.version }));
  if (version !== leading) others.push({ who: 'this command', version });
  const findings = others.map((other) => ({
    who: other.who,
    found: `ridgepoint ${other.version}, and the coordinator that leads is ${leading}`,
    advice: 'Install the same release everywhere.',
  }));
  return { name: 'versions', seen: `all are ridgepoint ${leading}`, findings };
}

function clocks(speakers: readonly Speaker[]): Check {
  const known = speakers.flatMap(({ who, clockAheadSeconds: ahead, comparedWith, isHere }) =>
    isHere && ahead !== null ? [{ who, ahead, comparedWith }] : [],
  );
  const findings = known
    .filter(({ ahead }) => Math.abs(ahead) > MOST_CLOCK_SECONDS)
    .map(({ who, ahead, comparedWith }) => ({
      who,
      found: `its clock is ${duration(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} ${comparedWith}`,
      advice: 'Let NTP set it: `timedatectl set-ntp true`.',
    }));
  const most = Math.max(0, ...known.map(({ ahead }) => Math.abs(ahead)));
  return { name: 'clocks', seen: `all within ${most.toFixed(1)} s`, findings };
}

function certificates(now: number, speakers: readonly Speaker[]): Check {
  const shown = speakers.filter(({ health }) => health.certificateEndsAt !== '');
  const ends = shown.map((speaker) => ({ ...speaker, end: Date.parse(speaker.health.certificateEndsAt) }));
  const findings = ends
    .filter(({ end }) => end - now < CERTIFICATE_DAYS * DAY_MILLISECONDS)
    .map(({ who, end, health, renew }) => ({
      who,
      found: `its certificate ${end < now ? 'ended' : 'ends'} at ${minuteOf(health.certificateEndsAt)} UTC`,
      advice: renew,
    }));
  const seen =
    ends.length === 0
      ? 'none are used'
      : `${ends.length}, the first ends at ${minuteOf(new Date(Math.min(...ends.map(({ end }) => end))).toISOString())} UTC`;
  return { name: 'certificates', seen, findings };
}

function runners({ nodes: all }: Fleet): Check {
  const here = all.filter(({ status }) => isConnected(status));
  const findings = here.flatMap(({ status, profile }) =>
    status.lostRunners.map((kind) => ({
      who: `node ${status.name}`,
      found: `it no longer has the runner ${kind}: ${sentence(profile.absent[`runner ${kind}`] ?? 'no reason is given')}`,
      advice: 'Bring the engine back, and restart the agent; `ridge doctor` there looks for it.',
    })),
  );
  return { name: 'runners', seen: 'all nodes have what they had', findings };
}

function disks(speakers: readonly Speaker[]): Check {
  const known = speakers.flatMap(({ who, health, isHere }) =>
    isHere && health.freeDiskBytes !== undefined ? [{ who, free: health.freeDiskBytes }] : [],
  );
  const findings = known
    .filter(({ free }) => free < LEAST_DISK_BYTES)
    .map(({ who, free }) => ({
      who,
      found: `${formatValue(free, 'B')} are free where it writes`,
      advice: 'Make room: the cache folder may be deleted, the state folder and the log may not.',
    }));
  const seen =
    known.length === 0
      ? 'nothing is known of them'
      : `at least ${formatValue(Math.min(...known.map(({ free }) => free)), 'B')} are free`;
  return { name: 'disks', seen, findings };
}

function spools(speakers: readonly Speaker[]): Check {
  const findings = speakers
    .filter(
      ({ health, isHere }) =>
        health.newerResults > 0 ||
        (health.waitingResults > 0 && (!isHere || health.oldestWaitingSeconds > MOST_WAITING_SECONDS)),
    )
    .map(({ who, health, isHere }) => ({
      who,
      found: waitingWords(health),
      advice: spoolAdvice(health, isHere),
    }));
  return { name: 'spools', seen: 'no result waits for long', findings };
}

function waitingWords({ waitingResults, oldestWaitingSeconds, newerResults }: ProcessHealth): string {
  const count = waitingResults === 1 ? 'a result waits' : `${waitingResults} results wait`;
  const newer = newerResults === 0 ? '' : `; for a newer release: ${newerResults}`;
  return `${count} on its disk, the oldest for ${duration(oldestWaitingSeconds)}${newer}`;
}

function spoolAdvice({ newerResults }: ProcessHealth, isHere: boolean): string {
  if (newerResults > 0)
    return 'Start the newer release of the agent there, which sends them; its messages name the files.';
  return isHere
    ? 'Its messages name what the coordinator answers; docs/runbook.md#ridgepointresultswaiting.'
    : 'Start its agent again, and keep its state folder: it brings them.';
}

function queues({ queues: all }: Fleet): Check {
  const findings = all.map(({ sweepId, name, queued, reasons }) => ({
    who: `sweep ${name}`,
    found: `${queued === 1 ? 'a point waits' : `${queued} points wait`} and nothing of it runs: ${sentence(reasons.join('; ') || 'no reason is known')}`,
    advice: `\`ridge watch ${sweepId}\` follows it; docs/runbook.md#ridgepointsweepstalled.`,
  }));
  return { name: 'queue', seen: 'every sweep with open points is being measured, or paused', findings };
}

/** Another's sentence inside of ours. */
const sentence = (text: string) => text.replace(/[.\s]+$/, '');
