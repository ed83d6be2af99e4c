import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { cachedBodies } from '../artifacts/files/bodies.js';
import type { Lease } from '../core/experiment/lease.js';
import type { NodeProfile } from '../core/experiment/node.js';
import { isText, textLog } from '../core/log-text.js';
import type { Family } from '../core/metrics/families.js';
import type { ResultRecord } from '../core/result/result.js';
import { collectOnlyWhenNeeded } from '../process/isolation/heap.js';
import { VERSION } from '../process/package.js';
import type { AgentConnection } from '../proto/client.js';
import type { ProcessHealth } from '../proto/gen/ridgepoint/v1/health.js';
import { HealthReader } from '../proto/health.js';
import { redialling } from '../proto/redial.js';
import { SharedArtifacts } from './artifacts.js';
import { runSession } from './before-work.js';
import { BodyUploads } from './bodies.js';
import type { AgentConfig } from './config.js';
import { agentMetrics } from './exporter/metrics.js';
import { type ExportedMeter, openExported } from './exporter/sources.js';
import type { MeterSettings } from './meters/index.js';
import { closeNode, openNode } from './open-node.js';
import { type NodeProbe, probeFor } from './probe.js';
import { Session } from './session.js';
import { Spool } from './spool.js';
import { TrialExecutor } from './trial/executor.js';
import type { TrialProgress } from './trial/progress.js';

export type TrialEvent =
  | { readonly event: 'started'; readonly lease: Lease }
  | { readonly event: 'progress'; readonly lease: Lease; readonly progress: TrialProgress }
  | { readonly event: 'ended'; readonly record: ResultRecord };

export interface RunningAgent {
  readonly profile: NodeProfile;
  /** Address of /metrics; null when the config turns it off. */
  readonly exporterUrl: string | null;
  /** Everything its /metrics would show now, served or not. */
  families(): Family[];
  /** Takes no more work, finishes and reports what runs, then leaves. */
  drain(reason: string): Promise<void>;
  /** Stops what runs between two repeats, gives it back, and leaves. */
  stop(): Promise<void>;
  /** The same without waiting for anything that runs. */
  stopNow(): Promise<void>;
  /** Resolves when the agent has left, whoever asked for it. */
  readonly done: Promise<void>;
  /** @returns a function that ends listening. */
  onTrial(listener: (event: TrialEvent) => void): () => void;
}

/**
 * Probes the node and joins a coordinator; resolves once the agent works, connected or not: it looks for
 * its coordinator until it is stopped.
 * @param probing for those who began it before they loaded this.
 * @throws WireError: `refused` for plaintext to another machine, `unavailable` when the exporter's port is
 *   taken.
 */
export async function startAgent(
  config: AgentConfig,
  probing: Promise<NodeProbe> = probeFor(config),
): Promise<RunningAgent> {
  collectOnlyWhenNeeded();
  const log = logOf(config);
  const connection = redialling(config.endpoint);
  const node = await openNode(config, await probing, (level, message) => log[level](message));
  const { probe, profile, meters, roofs } = node;
  const context = { ...node.context, shared: sharingOf(config, connection, log) };
  const spool = await Spool.open(join(config.stateFolder, 'spool', config.nodeName), (message) =>
    log.warn(message),
  );
  const listeners = new Set<(event: TrialEvent) => void>();
  const tell = (event: TrialEvent) => {
    for (const listener of listeners) listener(event);
  };
  const trials: TrialExecutor = new TrialExecutor(context, {
    onStart(lease) {
      log.info({ trial: lease.trialId, device: lease.deviceId }, 'trial started');
      tell({ event: 'started', lease });
    },
    onProgress(lease, progress) {
      session.progress(lease, progress);
      tell({ event: 'progress', lease, progress });
    },
    async onRecord(record) {
      // Whoever ends this agent's processes ends its trials first: that is nobody's failure, and another node
      // does it again.
      if (session.draining && wasTerminated(record)) return leave.giveBack(record.trialId);
      log.info(
        { trial: record.trialId, status: record.status, failure: record.failure?.message },
        'trial ended',
      );
      await spool.put(record);
      void session.report(record);
      tell({ event: 'ended', record });
    },
    onFree: () => session.askAgain(),
  });
  const session: Session = new Session({
    profile,
    connection,
    trials,
    spool,
    health: await healthOf(config, spool),
    bodies: uploadsOf(config, connection, log),
    onDrain: (reason) => void leave.drain(reason),
    ...(config.untilDone && { onDone: () => void leave.drain('everything is done') }),
    log: (level, message) => log[level](message),
  });
  const metrics = metricsOf(probe, meters, session, trials, spool);
  const exporter = await exporterOf(config, metrics.families, () => session.connected);
  const going = new AbortController();
  const { missing } = probe;
  const parts = { session, roofs, missing, trials, going: going.signal };
  const ended = runSession({ ...parts, log: (level, sentence) => log[level](sentence) }).finally(async () => {
    await exporter?.close();
    metrics.close();
    await closeNode({ probe, context });
  });
  const leave = leaving(session, trials, ended, going);
  const bored = leaveWhenBored(config.mostIdleSeconds, trials, leave.drain);
  void ended.finally(() => clearInterval(bored)).catch(() => undefined);
  return {
    profile,
    exporterUrl: exporter?.url ?? null,
    families: metrics.families,
    drain: leave.drain,
    stop: leave.stop,
    stopNow: leave.stopNow,
    done: ended,
    onTrial(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What a run on this machine does not serve it does not load. */
const exporterOf = async (
  { exporter: at }: AgentConfig,
  families: () => readonly Family[],
  connected: () => boolean,
) =>
  at === null ? null : await (await import('./exporter/server.js')).startExporter(families, connected, at);

function logOf({ logFormat, logLevel }: AgentConfig): Logger {
  const text = isText(logFormat, process.stderr);
  return pino({ name: 'agent', level: logLevel }, text ? textLog(process.stderr) : pino.destination(2));
}

/** @returns what this agent says of itself beside its work. */
async function healthOf(
  { stateFolder, cacheFolder, endpoint }: AgentConfig,
  spool: Spool,
): Promise<() => ProcessHealth> {
  const reader = new HealthReader({
    version: VERSION,
    folders: [stateFolder, cacheFolder],
    certificate() {
      const { security } = endpoint();
      return security.kind === 'mutual-tls' ? security.certificate : null;
    },
    waiting: () => ({
      waitingResults: spool.size + spool.newerSize,
      oldestWaitingSeconds: spool.oldestSeconds,
      newerResults: spool.newerSize,
    }),
  });
  await reader.askDisks();
  return () => reader.read();
}

function uploadsOf({ cacheFolder }: AgentConfig, connection: AgentConnection, log: Logger): BodyUploads {
  const stores = {
    answers: cachedBodies('answers', cacheFolder),
    calls: cachedBodies('calls', cacheFolder),
  };
  return new BodyUploads({ connection, stores, warn: (sentence) => log.warn(sentence) });
}

function sharingOf(
  { sharing: settings, cacheFolder }: AgentConfig,
  connection: AgentConnection,
  log: Logger,
): SharedArtifacts | undefined {
  if (settings === null) return undefined;
  const say = (level: 'info' | 'warn' | 'debug', sentence: string) => log[level](sentence);
  return new SharedArtifacts({ connection, settings, cacheFolder, log: say });
}

/** How long a killed child may take to be gone. */
const KILL_SECONDS = 5;

/** The three ways to go; the first that was begun goes on, and a harder one can overtake it. */
function leaving(
  session: Session,
  trials: TrialExecutor,
  ended: Promise<void>,
  going: AbortController,
): Pick<RunningAgent, 'drain' | 'stop' | 'stopNow'> & { giveBack(trialId: string): void } {
  const returned = new Set<string>();
  let goodbye: Promise<void> | null = null;
  const go = async (reason: string, idle: Promise<unknown>) => {
    going.abort();
    session.drain();
    await idle;
    goodbye ??= session.leave([...returned], reason);
    await goodbye;
    await ended;
  };
  const giveBack = (at: 'once' | 'soon') => {
    for (const trialId of trials.giveBack('the agent is stopping', at)) returned.add(trialId);
  };
  return {
    giveBack: (trialId) => void returned.add(trialId),
    drain: (reason) => go(reason, trials.whenIdle()),
    stop() {
      giveBack('soon');
      return go('stopped', trials.whenIdle());
    },
    stopNow() {
      giveBack('once');
      // A digest of a large file, or a wait for another maker, has no child to kill.
      const patience = sleep(KILL_SECONDS * 1000, undefined, { ref: false });
      return go('stopped at once', Promise.race([trials.whenIdle(), patience]));
    },
  };
}

/** Whether somebody else's SIGTERM ended the trial; ours comes with a reason to stop. */
function wasTerminated({ failure }: ResultRecord): boolean {
  return failure?.code === 'crashed' && failure.signal === 'SIGTERM';
}

const LOOK_SECONDS = 1;

/** An agent that has had nothing to do for so long leaves: what it occupies may be somebody's turn. */
function leaveWhenBored(
  seconds: number | null,
  trials: TrialExecutor,
  drain: (reason: string) => Promise<void>,
): NodeJS.Timeout | undefined {
  if (seconds === null) return undefined;
  let busyAt = performance.now();
  const look = () => {
    if (trials.trialIds.length > 0) busyAt = performance.now();
    else if (performance.now() - busyAt > seconds * 1000) void drain(`no work for ${seconds} s`);
  };
  return setInterval(look, LOOK_SECONDS * 1000);
}

/** What an agent exports; its meters are opened when it is first asked for. */
function metricsOf(
  probe: NodeProbe,
  meters: MeterSettings,
  session: Session,
  trials: TrialExecutor,
  spool: Spool,
): { families(): Family[]; close(): void } {
  let opened: { meters: ExportedMeter[]; read: () => Family[] } | null = null;
  return {
    families() {
      if (opened === null) {
        const found = openExported(meters, probe.nvml, probe.profile.devices);
        const read = agentMetrics({
          profile: probe.profile,
          connected: () => session.connected,
          runningOn: () => trials.runningOn,
          spooledResults: () => spool.size + spool.newerSize,
          newerResults: () => spool.newerSize,
          meters: found,
        });
        opened = { meters: found, read };
      }
      return opened.read();
    },
    close() {
      for (const { meter } of opened?.meters ?? []) meter.close();
    },
  };
}
