import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type Logger, pino } from 'pino';
import { type Failure, FailureError } from '../core/errors.js';
import { isText, textLog } from '../core/log-text.js';
import type { ResultRecord } from '../core/result/result.js';
import { VERSION } from '../process/package.js';
import type { HttpServer } from '../proto/http/server.js';
import { pushMessage } from './api/agents.js';
import { Shelf } from './artifacts/shelf.js';
import { Audit } from './audit.js';
import { withBodies } from './bodies/log-with-bodies.js';
import { type KeptBodies, openBodies } from './bodies/open.js';
import { BodyUsage } from './bodies/usage.js';
import { type Clock, systemClock, type Timer } from './clock.js';
import type { ResolvedConfig } from './config.js';
import { Dispatcher } from './dispatcher.js';
import { Exporter } from './exporter/exporter.js';
import type { Durability, Log } from './log/log.js';
import { openWhenThere } from './log/open-when-there.js';
import { Registry } from './registry/registry.js';
import { namespaceOf, policyOf } from './scheduler/namespaces.js';
import { SweepReader } from './sweep-reader.js';

/** Closes what was opened, in the reverse order. A close that fails does not keep the others open. */
export class Opened {
  readonly #closers: (() => Promise<void>)[] = [];

  closedBy(close: () => Promise<void>): void {
    this.#closers.unshift(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close().catch(() => undefined);
  }
}

/** What a coordinator is made of, before anybody is served. */
export interface Parts {
  readonly log: Log;
  /** The same as it is stored: a result refers to raw samples that are kept beside it. */
  readonly storedLog: Log;
  readonly durability: Durability;
  readonly bodies: KeptBodies | null;
  readonly usage: BodyUsage | null;
  readonly shelf: Shelf | null;
  readonly logger: Logger;
  readonly clock: Clock & Timer;
  readonly registry: Registry;
  readonly exporter: Exporter;
  readonly dispatcher: Dispatcher;
  /** The log refuses to be written (`failed`), or takes entries again (`recovered`). */
  readonly logEvents: EventEmitter<LogEvents>;
  readonly logFailed: Promise<FailureError>;
  readonly audit: Audit;
  readonly inform: (sentence: string) => void;
}

interface LogEvents {
  readonly failed: [Failure];
  readonly recovered: [];
}

/** @returns the log for people, on stderr. */
export function logOf({ logFormat, logLevel: level }: ResolvedConfig): Logger {
  const text = isText(logFormat, process.stderr);
  return pino(
    { level, base: null },
    text ? textLog(process.stderr) : pino.destination({ fd: 2, sync: true }),
  );
}

/** Opens the log and what follows from it, so that nothing is served before the past is known. */
export async function openParts(resolved: ResolvedConfig, logger: Logger, opened: Opened): Promise<Parts> {
  const clock = systemClock;
  const audit = openAudit(resolved, clock, logger, opened);
  const bodies = await openBodies(resolved.bodies);
  const storedLog = await openStore(resolved, { clock, logger }, opened);
  const warn = (sentence: string): void => logger.warn(sentence);
  const log = withBodies(storedLog, { bodies, rawBytes: rawBytesOf(resolved), warn });
  const shelf = resolved.artifacts === null ? null : await Shelf.open(resolved.artifacts, clock.now);
  const durability = await log.durability();
  const asked = durability.level === 'synced' || resolved.log.kind === 'memory';
  logger[asked ? 'info' : 'warn'](durability.sentence);
  const logEvents = new EventEmitter<LogEvents>();
  const logFailed = new Promise<FailureError>((resolve) => {
    logEvents.once('failed', (reason) => resolve(new FailureError(reason)));
  });
  const registry = new Registry();
  const exporter = new Exporter({ ...resolved.exporter, version: VERSION }, clock, registry);
  let usage: BodyUsage | null = null;
  const recorded = (record: ResultRecord): void => {
    exporter.record(record);
    void usage?.count(record).catch((error: Error) => logger.warn(error.message));
  };
  const held = { log, clock, logger, registry, exporter, logEvents, recorded };
  const dispatcher = await openDispatcher(resolved, held);
  usage = bodies === null ? null : usageOf(bodies, dispatcher);
  opened.closedBy(() => dispatcher.close());
  exporter.follow(dispatcher);
  await exporter.restore(log);
  restoreOlder({ log, logger, exporter, usage }, resolved, opened);
  const inform = (sentence: string): void => logger.info(sentence);
  return {
    log,
    storedLog,
    durability,
    bodies,
    usage,
    shelf,
    logger,
    clock,
    registry,
    exporter,
    dispatcher,
    logEvents,
    logFailed,
    audit,
    inform,
  };
}

/** Opens the log as it is stored. */
async function openStore(
  resolved: ResolvedConfig,
  { clock, logger }: Pick<Parts, 'clock' | 'logger'>,
  opened: Opened,
): Promise<Log> {
  const stored = await openWhenThere(resolved, {
    now: clock.now,
    say: (sentence) => logger.warn(sentence),
    answer: (why) => answerUnready(resolved, why),
  });
  opened.closedBy(() => stored.close());
  return stored;
}

interface Held extends Pick<Parts, 'log' | 'clock' | 'logger' | 'registry' | 'exporter' | 'logEvents'> {
  readonly recorded: (record: ResultRecord) => void;
}

/** Reads the log. */
function openDispatcher(
  resolved: ResolvedConfig,
  { log, clock, logger, registry, exporter, logEvents, recorded }: Held,
): Promise<Dispatcher> {
  const { leaseSeconds, lostSeconds, forgetSeconds, fixedFleet, namespaces } = resolved;
  const { waitForNodesSeconds: waitSeconds } = resolved;
  const incarnation = `${randomBytes(4).toString('hex')}-`;
  return Dispatcher.open({
    log,
    clock,
    sweeps: new SweepReader(),
    options: { leaseSeconds, lostSeconds, forgetSeconds, waitSeconds, fixedFleet, namespaces, incarnation },
    push: (command) => registry.session(command.node)?.push(pushMessage(command)),
    recorded,
    replayed: (head, position) => exporter.replayed(head, position),
    shown: () => exporter.shown(),
    followed: (_head, position) => void exporter.followed(log, position),
    appended: (seconds) => exporter.appended(seconds),
    leased: (seconds) => exporter.leased(seconds),
    logFailed: (reason) => {
      logger.error(`the log takes nothing: ${sentenceOf(reason)}`);
      logEvents.emit('failed', reason);
    },
    logRecovered: (seconds, refused) => {
      const outage = `after ${seconds.toFixed(0)} s and ${refused} that it refused`;
      logger.warn(`the log takes entries again, ${outage}`);
      logEvents.emit('recovered');
    },
    warn: (sentence) => logger.warn(sentence),
  });
}

/**
 * Reads older results for what is exported, and older answers for what is counted, while others are served
 * already.
 */
function restoreOlder(
  { log, logger, exporter, usage }: Pick<Parts, 'log' | 'logger' | 'exporter' | 'usage'>,
  { namespaces }: ResolvedConfig,
  opened: Opened,
): void {
  const leaving = new AbortController();
  opened.closedBy(async () => leaving.abort());
  exporter.restoreBest(log, leaving.signal).catch((error: unknown) => {
    if (!leaving.signal.aborted) logger.warn(`older results are not exported: ${(error as Error).message}`);
  });
  if (Object.values(namespaces).some(({ bodyBytes }) => bodyBytes !== null))
    usage
      ?.restore(log, leaving.signal)
      .catch((error: Error) => logger.warn(`older answers are not counted: ${error.message}`));
}

function usageOf({ store }: KeptBodies, { state }: Dispatcher): BodyUsage {
  return new BodyUsage(
    store,
    (sweepId) => namespaceOf(state, sweepId),
    (namespace) => policyOf(state.options, namespace).bodyBytes,
  );
}

/**
 * Raw samples stay in the log where other coordinators may read it and the bodies are in a folder, which is
 * this coordinator's alone.
 */
function rawBytesOf({ bodies, log }: ResolvedConfig): number | null {
  const alone = log.kind === 'sqlite' || log.kind === 'memory';
  return bodies === null || (bodies.kind === 'folder' && !alone) ? null : bodies.rawBytes;
}

/** Health of a coordinator whose log is not there: it lives, and is not ready. */
async function answerUnready(
  { metricsAddress }: ResolvedConfig,
  why: () => string,
): Promise<HttpServer | null> {
  if (metricsAddress === null) return null;
  const { serveHttp } = await import('./exporter/http.js');
  const metrics = async () => ({ contentType: 'text/plain; version=0.0.4', body: '' });
  return await serveHttp(metricsAddress, { metrics, notReady: why, notLeading: why, standing: why });
}

/** Who moves the file away sends SIGHUP. @throws FailureError where it cannot be written. */
function openAudit({ audit: settings }: ResolvedConfig, clock: Clock, logger: Logger, opened: Opened): Audit {
  const audit = new Audit(
    settings,
    () => clock.isoTime(),
    (sentence) => logger.error(sentence),
  );
  opened.closedBy(async () => audit.close());
  if (settings === null) return audit;
  const reopen = () => audit.reopen();
  process.on('SIGHUP', reopen);
  opened.closedBy(async () => void process.off('SIGHUP', reopen));
  return audit;
}

/** @returns a failure as one text, with what to do next. */
export function sentenceOf({ message, hint }: Failure): string {
  return hint === null ? message : `${message} ${hint}`;
}
