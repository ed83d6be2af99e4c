import type { NodeProfile } from '../../core/experiment/node.js';
import { quote } from '../../core/quote.js';
import { WireError } from '../../proto/errors.js';
import type { Progress, SessionResponse } from '../../proto/gen/ridgepoint/v1/agents.js';
import type { ProcessHealth } from '../../proto/gen/ridgepoint/v1/health.js';

/** The open stream of an agent. */
export interface Session {
  readonly node: string;
  /** Whose certificate or token it came with. */
  readonly caller: string;
  readonly instance: string;
  /** Rises with each that this run of the agent opens. */
  readonly stream: number;
  /** @returns why its credential holds no more; null while it does. */
  refusal(): string | null;
  push(message: SessionResponse['message']): void;
  /** Ends the stream from our side. */
  close(reason: string): void;
}

export interface NodeEntry {
  readonly profile: NodeProfile;
  readonly session: Session | null;
  readonly lastSeenAt: string;
  /** Length of its profile as JSON. */
  readonly bytes: number;
  /** What the agent says of itself: `idle`, `busy`, `draining`, or `left` when it left on purpose. */
  readonly state: string;
  /** As its agent said last; null = it has said nothing of itself. */
  readonly health: ProcessHealth | null;
  /** How far the agent's clock was ahead of ours then, the way of the message not subtracted. */
  readonly clockAheadSeconds: number | null;
  /** Kinds of runners that it has had, and that it has not said to have again. */
  readonly formerRunners: readonly string[];
}

/** What all nodes together may say of themselves; ten thousand of eight devices say a third of it. */
export const MOST_PROFILE_BYTES = 128 * 1024 ** 2;

/**
 * Who is connected and what they last reported. A projection in memory: a restart fills it again within a
 * heartbeat.
 */
export class Registry {
  readonly #nodes = new Map<string, NodeEntry>();
  /** By node: the last stream that was taken, also of one that is not connected. */
  readonly #newest = new Map<string, Pick<Session, 'caller' | 'instance' | 'stream'>>();
  readonly #progress = new Map<string, Progress>();
  /** Of all profiles. */
  #bytes = 0;

  /**
   * So much is known of nodes that those which are away are forgotten sooner: one credential may have any
   * number of names.
   */
  get crowded(): boolean {
    return this.#bytes > MOST_PROFILE_BYTES / 2;
  }

  /**
   * A reconnect replaces its own old stream, which may be half open.
   * @param bytes length of the profile as JSON
   * @throws WireError `exists` when another agent that is connected has the same node name; `conflict` of a
   *   stream that arrives behind a later one of its agent: what it says is no longer so; `unavailable` where
   *   too much is known of others.
   */
  attach(profile: NodeProfile, session: Session, at: string, bytes = 0): void {
    const known = this.#nodes.get(profile.name);
    const old = known?.session ?? null;
    const all = this.#bytes + bytes - (known?.bytes ?? 0);
    if (all > Math.max(this.#bytes, MOST_PROFILE_BYTES)) {
      throw new WireError(
        'unavailable',
        'The nodes that are known say more of themselves than this coordinator keeps.',
        ['Nodes that are away are forgotten after `lostSeconds`.'],
      );
    }
    if (old !== null) {
      // An instance is no secret: only the same credential may take its place.
      if (old.instance !== session.instance || old.caller !== session.caller) {
        throw new WireError(
          'exists',
          `Another agent is connected as node ${quote(profile.name)}: give one of them another name.`,
        );
      }
    }
    const newest = this.#newest.get(profile.name);
    if (
      newest?.instance === session.instance &&
      newest.caller === session.caller &&
      session.stream < newest.stream
    )
      throw new WireError('conflict', `Node ${quote(profile.name)} has opened a later stream than this one.`);
    old?.close('the agent has opened a new stream');
    const { caller, instance, stream } = session;
    this.#newest.set(profile.name, { caller, instance, stream });
    this.#bytes = all;
    const formerRunners = missedRunners(known, profile);
    const unheard = { state: 'idle', health: null, clockAheadSeconds: null, formerRunners };
    this.#nodes.set(profile.name, { profile, session, lastSeenAt: at, bytes, ...unheard });
  }

  /** @returns false when a newer stream of the same node has taken over already. */
  detach(session: Session, at: string): boolean {
    const entry = this.#nodes.get(session.node);
    if (entry?.session !== session) return false;
    this.#nodes.set(session.node, { ...entry, session: null, lastSeenAt: at });
    return true;
  }

  seen(node: string, at: string, state?: string): void {
    const entry = this.#nodes.get(node);
    if (entry === undefined) return;
    this.#nodes.set(node, { ...entry, lastSeenAt: at, state: state ?? entry.state });
  }

  /** Takes in what an agent says of itself; undefined = it has said nothing. */
  hear(node: string, at: string, health: ProcessHealth | undefined): void {
    const entry = this.#nodes.get(node);
    if (entry === undefined || health === undefined) return;
    const clockAheadSeconds = (health.clockUnixMilliseconds - Date.parse(at)) / 1000;
    this.#nodes.set(node, { ...entry, health, clockAheadSeconds });
  }

  session(node: string): Session | null {
    return this.#nodes.get(node)?.session ?? null;
  }

  entries(): NodeEntry[] {
    return [...this.#nodes.values()];
  }

  setProgress(progress: Progress): void {
    this.#progress.set(progress.trialId, progress);
  }

  progress(trialId: string): Progress | null {
    return this.#progress.get(trialId) ?? null;
  }

  /** Forgets the progress of trials that do not run any more. */
  prune(running: { has(trialId: string): boolean }): void {
    for (const trialId of this.#progress.keys()) if (!running.has(trialId)) this.#progress.delete(trialId);
  }

  /** Forgets nodes that are not connected and that the scheduler has forgotten. @returns their names. */
  forget(known: { has(node: string): boolean }): string[] {
    const gone = [...this.#nodes].filter(([name, { session }]) => session === null && !known.has(name));
    for (const [name, { bytes }] of gone) {
      this.#nodes.delete(name);
      this.#newest.delete(name);
      this.#bytes -= bytes;
    }
    return gone.map(([name]) => name);
  }

  /** Ends the streams of those whose certificate or token holds no more. @returns a sentence for each. */
  closeRefused(): string[] {
    return this.entries().flatMap(({ session }) => {
      const refusal = session?.refusal() ?? null;
      if (session === null || refusal === null) return [];
      session.close(refusal);
      return [`${session.node} is cut off: ${refusal}`];
    });
  }

  closeAll(reason: string): void {
    for (const { session } of this.#nodes.values()) session?.close(reason);
  }

  /** Ends every stream and forgets who was there: they join another coordinator. */
  clear(reason: string): void {
    this.closeAll(reason);
    // A stream that was on its way may still arrive.
    for (const name of this.#newest.keys()) if (!this.#nodes.has(name)) this.#newest.delete(name);
    this.#nodes.clear();
    this.#bytes = 0;
    this.#progress.clear();
  }
}

/** @returns kinds of runners that a node has had before, and does not say to have now. */
function missedRunners(known: NodeEntry | undefined, { runners }: NodeProfile): string[] {
  const had = [...(known?.formerRunners ?? []), ...(known?.profile.runners ?? []).map(({ kind }) => kind)];
  return [...new Set(had)].filter((kind) => !runners.some((now) => now.kind === kind));
}
