import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '../core/experiment/lease.js';
import type { NodeProfile } from '../core/experiment/node.js';
import type { ResultRecord } from '../core/result/result.js';
import { tooLargeRecord } from '../core/result/too-large.js';
import type { BeforeWork } from '../proto/before-work.js';
import type { AgentConnection } from '../proto/client.js';
import { PROTOCOL, parseLease, protocolRefusal, toHello, toReport } from '../proto/convert.js';
import { WireError } from '../proto/errors.js';
import type {
  NoWork,
  Progress,
  ResultReport,
  SessionRequest,
  SessionResponse,
  Welcome,
} from '../proto/gen/ridgepoint/v1/agents.js';
import type { ProcessHealth } from '../proto/gen/ridgepoint/v1/health.js';
import { MAX_RESULT_BYTES, MAX_TRIAL_IDS } from '../proto/limits.js';
import { responsesOf } from '../proto/several.js';
import type { Duplex } from '../proto/stream.js';
import { Backoff } from './backoff.js';
import type { BodyUploads } from './bodies.js';
import { LeaseRequester } from './lease-requester.js';
import { Outbox } from './outbox.js';
import { ProgressPace } from './progress-pace.js';
import type { Spool } from './spool.js';
import type { TrialExecutor } from './trial/executor.js';
import type { TrialProgress } from './trial/progress.js';

type Stream = Duplex<SessionRequest, SessionResponse>;
type Message = NonNullable<SessionRequest['message']>;

export interface SessionNeeds {
  readonly profile: NodeProfile;
  readonly connection: AgentConnection;
  readonly trials: TrialExecutor;
  readonly spool: Spool;
  /** What this agent says of itself beside its work. */
  readonly health: () => ProcessHealth;
  readonly backoff?: Backoff;
  /** Brings the files that a record refers to; left out = they stay here. */
  readonly bodies?: Pick<BodyUploads, 'bring'>;
  /** Somebody has asked the coordinator to let this node go. */
  readonly onDrain: (reason: string) => void;
  /** The coordinator has nothing more to do, nothing runs here, and it has all that was measured. */
  readonly onDone?: () => void;
  readonly log: (level: 'info' | 'warn' | 'debug', message: string) => void;
}

/** How long an acknowledgement may take before leaving goes on without it. */
const ACKNOWLEDGE_SECONDS = 10;
/**
 * Before the first attempt to be back. Of several coordinators one is asked only when it leads, so that there
 * is nothing to spare by waiting.
 */
const FIRST_WAIT_SECONDS = 0.2;
/** The same where files that records refer to are on their way. */
const BRING_SECONDS = 120;
/** As often as people's screens are drawn. */
const PROGRESS_SECONDS = 1;

/**
 * The agent's side of the conversation: one stream, opened again for ever; leases in, heartbeats,
 * progress and results out. Everything said is idempotent by trial id, so a break costs nothing.
 */
export class Session {
  readonly #needs: SessionNeeds;
  readonly #asking: LeaseRequester;
  readonly #backoff: Backoff;
  /** Tells a reconnect of this agent from another agent that has the same node name. */
  readonly #instance = randomUUID();
  #streams = 0;
  readonly #over = new AbortController();
  #stream: Stream | null = null;
  #outbox: Outbox | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #draining = false;
  /** What this node does before it asks for work; null = it asks. */
  #held: BeforeWork | null = null;
  /** This agent has ended the conversation, to begin another one with its new profile. */
  #renews = false;
  /** Why the last attempt failed. */
  #trouble: string | null = null;
  readonly #unacknowledged = new Map<string, () => void>();
  /** Bytes of the results that are on their way in this conversation. */
  readonly #sent = new Map<string, number>();
  /** Trials whose files are being brought: their leases have to last until their records are there. */
  readonly #bringing = new Set<string>();
  /** The coordinator keeps files that records refer to. */
  #keepsBodies = false;
  /** What the coordinator takes. */
  #maxResultBytes = MAX_RESULT_BYTES;
  readonly #progress = new ProgressPace<Progress>(
    PROGRESS_SECONDS,
    (value) => void this.#say({ $case: 'progress', value }),
  );
  readonly #closers: (() => void)[] = [];
  /** Devices whose last answer was that all is done. */
  readonly #done = new Set<string>();
  /** Granted after this agent had begun to leave. */
  readonly #refused: string[] = [];

  constructor(needs: SessionNeeds) {
    this.#needs = needs;
    this.#backoff = needs.backoff ?? new Backoff(FIRST_WAIT_SECONDS, needs.connection.several ? 0.4 : 15);
    this.#asking = new LeaseRequester(
      needs.profile.devices,
      (device) => needs.trials.isFree(device),
      (deviceId) => void this.#say({ $case: 'leaseRequest', value: { deviceId } }),
    );
  }

  /** Takes no more work. */
  get draining(): boolean {
    return this.#draining;
  }

  get connected(): boolean {
    return this.#heartbeat !== null;
  }

  /** Runs until `leave` is called; never throws. */
  async run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      try {
        await this.#converse();
      } catch (error) {
        if (this.#over.signal.aborted) break;
        await this.#withdrawLargest(error);
        const reason = `${trouble(error).replace(/[.:\s]+$/, '')}; trying again`;
        // Said once per break, not once per attempt.
        this.#needs.log(reason === this.#trouble ? 'debug' : 'warn', reason);
        this.#trouble = reason;
      }
      await sleep(this.#backoff.next() * 1000, undefined, { signal: this.#over.signal }).catch(() => {});
    }
  }

  /** Asks for no more work; what runs goes on. */
  drain(): void {
    this.#draining = true;
    this.#asking.end();
    this.#beat();
  }

  /**
   * Asks for no work until `goOn`. @param what this node does meanwhile.
   * @returns when what was asked before is answered: a lease among the answers has begun.
   */
  async hold(what: BeforeWork): Promise<void> {
    this.#held = what;
    this.#beat();
    await this.#asking.pause();
  }

  /**
   * Asks for work again.
   * @param changed whether the node's profile has changed: then another conversation begins, which tells it.
   */
  goOn(changed: boolean): void {
    this.#held = null;
    if (changed && this.#stream !== null) {
      this.#renews = true;
      this.#stream.end();
    } else if (this.connected && !this.#draining) this.#asking.begin();
  }

  /** Something has become free. */
  askAgain(): void {
    if (!this.#draining) this.#asking.requestFreeDevices();
  }

  /** Sends a result that is in the spool. */
  async report(record: ResultRecord): Promise<void> {
    this.#progress.forget(record.trialId);
    if (!this.connected) return;
    const stream = this.#stream;
    this.#unacknowledged.set(record.trialId, () => {});
    await this.#bring(record);
    // The next conversation begins with what is spooled.
    if (this.#stream !== stream) return;
    let report = toReport(record);
    const bytes = Buffer.byteLength(report.recordJson);
    if (bytes > this.#maxResultBytes) {
      const limit = `the coordinator takes results of up to ${size(this.#maxResultBytes)}`;
      report = await this.#shorten(record, limit, bytes);
    }
    this.#sent.set(record.trialId, bytes);
    await this.#say({ $case: 'result', value: report });
  }

  async #bring(record: ResultRecord): Promise<void> {
    const { bodies } = this.#needs;
    if (bodies === undefined || !this.#keepsBodies) return;
    const { trialId } = record;
    this.#bringing.add(trialId);
    await bodies.bring(record, this.#over.signal);
    this.#bringing.delete(trialId);
  }

  /** Puts a failed trial in the place of a record that is too large; the record itself is kept for people. */
  async #shorten(record: ResultRecord, limit: string, bytes: number): Promise<ResultReport> {
    const why = `The result takes ${size(bytes)}, and ${limit}.`;
    this.#needs.log('warn', `${record.trialId} is reported as failed: ${why}`);
    const short = tooLargeRecord(record, why);
    await this.#needs.spool.replace(short, why);
    return toReport(short);
  }

  /**
   * A conversation that ended because something in it was too large says not what: the largest result that
   * was on its way is not sent again as it is, so that it cannot keep the others back.
   */
  async #withdrawLargest(error: unknown): Promise<void> {
    const [largest] = [...this.#sent].sort(([, a], [, b]) => b - a);
    this.#sent.clear();
    if (!(error instanceof WireError) || error.code !== 'too-large' || largest === undefined) return;
    const [trialId, bytes] = largest;
    const record = await this.#needs.spool.find(trialId);
    if (record === null) return;
    if (record.failure?.code === 'too-large') await this.#needs.spool.setAside(trialId, error.message);
    else await this.#shorten(record, `the coordinator took no message of that size: ${error.message}`, bytes);
  }

  progress({ trialId, experiment }: Lease, progress: TrialProgress): void {
    this.#progress.say(trialId, { trialId, ...progress, maxRepeats: experiment.measure.maxRepeats });
  }

  /** Says goodbye and ends `run`: waits for what was sent to be confirmed, returns what is not finished. */
  async leave(returnedTrialIds: readonly string[], reason: string): Promise<void> {
    this.drain();
    const stream = this.#stream;
    const outbox = this.#outbox;
    if (stream !== null && outbox !== null && this.connected) {
      const patience = this.#bringing.size > 0 ? BRING_SECONDS : ACKNOWLEDGE_SECONDS;
      await Promise.race([this.#acknowledged(), sleep(1000 * patience, undefined, { ref: false })]);
      const value = { returnedTrialIds: [...returnedTrialIds, ...this.#refused], reason };
      await outbox.say({ message: { $case: 'leaving', value } }).catch(() => {});
      stream.end();
      // The stream's end is the sign that the coordinator has read it all.
      await Promise.race([this.#closed(), sleep(1000, undefined, { ref: false })]);
    }
    this.#over.abort();
    this.#needs.connection.close();
  }

  async #converse(): Promise<void> {
    const { connection, profile, trials, spool, health, log } = this.#needs;
    const stream = connection.session(this.#over.signal);
    this.#stream = stream;
    this.#renews = false;
    this.#outbox = new Outbox(stream);
    try {
      const ended = spool.trialIds.slice(-MAX_TRIAL_IDS);
      const value = toHello(profile, {
        instance: this.#instance,
        runningTrialIds: [...trials.trialIds],
        endedTrialIds: ended,
        stream: ++this.#streams,
        health: health(),
      });
      await stream.send({ message: { $case: 'hello', value } });
      for await (const response of stream) {
        for (const { message } of responsesOf(response)) if (message !== undefined) await this.#hear(message);
      }
      log('info', this.#renews ? 'says anew what this node has' : 'the coordinator closed the stream');
    } finally {
      this.#hangUp();
    }
  }

  async #hear(message: NonNullable<SessionResponse['message']>): Promise<void> {
    const { trials, spool, log, onDrain } = this.#needs;
    switch (message.$case) {
      case 'welcome':
        return this.#welcomed(message.value);
      case 'lease': {
        this.#asking.granted(message.value.deviceId);
        this.#done.clear();
        const lease = parseLease(message.value.leaseJson);
        if (this.#draining) this.#refused.push(lease.trialId);
        else trials.begin(lease);
        return;
      }
      case 'noWork':
        this.#asking.waitFor(message.value.deviceId, message.value.retryMilliseconds);
        this.#hearIdle(message.value);
        return;
      case 'resultAck':
        await spool.remove(message.value.trialId);
        this.#settle(message.value.trialId);
        return;
      case 'resultRefused':
        log('warn', `the result of ${message.value.trialId} was refused: ${message.value.reason}`);
        await spool.setAside(message.value.trialId, message.value.reason);
        this.#settle(message.value.trialId);
        return;
      case 'stopTrial':
        log('info', `stopping ${message.value.trialId}: ${message.value.reason}`);
        trials.stop(message.value.trialId, message.value.reason);
        return;
      case 'drain':
        onDrain(message.value.reason);
        return;
      case 'pause':
        log(
          'info',
          `the coordinator leases nothing more (${message.value.reason}); waiting for one that does`,
        );
        return;
      case 'several':
        // Nobody puts several into one of several.
        return;
      default:
        message satisfies never;
    }
  }

  #hearIdle({ deviceId, idle }: NoWork): void {
    const { profile, trials, spool, onDone } = this.#needs;
    if (idle) this.#done.add(deviceId);
    else this.#done.clear();
    if (this.#done.size === profile.devices.length && trials.trialIds.length === 0 && spool.size === 0)
      onDone?.();
  }

  #welcomed(welcome: Welcome): void {
    const { trials, log } = this.#needs;
    const skew = protocolRefusal(PROTOCOL, welcome.protocol);
    if (skew !== null) throw new WireError('invalid', skew);
    log('info', 'connected to the coordinator');
    this.#trouble = null;
    this.#backoff.reset();
    this.#maxResultBytes = welcome.maxResultBytes;
    this.#keepsBodies = welcome.keepsBodies;
    for (const trialId of welcome.unknownTrialIds)
      trials.stop(trialId, 'the coordinator does not want it any more');
    this.#heartbeat = setInterval(() => this.#beat(), Math.max(1, welcome.heartbeatSeconds) * 1000);
    if (this.#held !== null) this.#beat();
    // Not awaited: while it sends, the acknowledgements have to be heard.
    void this.#resume();
  }

  /** Says what waits before it asks for work: what it has measured already must not be leased again. */
  async #resume(): Promise<void> {
    const stream = this.#stream;
    for await (const record of this.#needs.spool.waiting()) await this.report(record);
    if (!this.#draining && this.#held === null && this.#stream === stream) this.#asking.begin();
  }

  #settle(trialId: string): void {
    const settle = this.#unacknowledged.get(trialId);
    this.#unacknowledged.delete(trialId);
    this.#sent.delete(trialId);
    settle?.();
  }

  #beat(): void {
    if (!this.connected) return;
    const { trials, health } = this.#needs;
    const working = trials.runningCount > 0 ? 'busy' : (this.#held ?? 'idle');
    const state = this.#draining ? 'draining' : working;
    const trialIds = [...trials.trialIds, ...this.#bringing];
    void this.#say({ $case: 'heartbeat', value: { trialIds, state, health: health() } });
  }

  /** A message that cannot be sent is lost with its stream; the next stream begins by saying it again. */
  async #say(message: Message): Promise<void> {
    await this.#outbox?.say({ message }).catch(() => {});
  }

  #hangUp(): void {
    this.#stream = null;
    this.#outbox = null;
    this.#asking.end();
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    for (const settle of this.#unacknowledged.values()) settle();
    this.#unacknowledged.clear();
    for (const resolve of this.#closers.splice(0)) resolve();
  }

  async #closed(): Promise<void> {
    if (this.#stream === null) return;
    await new Promise<void>((resolve) => this.#closers.push(resolve));
  }

  async #acknowledged(): Promise<void> {
    await Promise.all(
      [...this.#unacknowledged.keys()].map(
        (trialId) => new Promise<void>((resolve) => this.#unacknowledged.set(trialId, resolve)),
      ),
    );
  }
}

const size = (bytes: number) => `${(bytes / 1024 ** 2).toPrecision(3)} MiB`;

/** A coordinator that answers and refuses is another matter than none. */
function trouble(error: unknown): string {
  if (!(error instanceof WireError)) return `the conversation broke off: ${String(error)}`;
  if (error.passes) return `the coordinator leases nothing now (${error.message})`;
  if (error.code === 'unavailable') return `no coordinator answers (${error.message})`;
  return `the coordinator refuses (${error.code}): ${error.message}`;
}
