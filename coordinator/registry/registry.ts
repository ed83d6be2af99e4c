import type { NodeProfile } from '../../core/experiment/node.js';
import { quote } from '../../core/quote.js';
import { WireError } from '../../proto/errors.js';
import type { Progress, SessionResponse } from '../../proto/gen/ridgepoint/v1/agents.js';

/** The open stream of an agent. */
export interface Session {
  readonly node: string;
  /** Whose certificate or token it came with. */
  readonly caller: string;
  readonly instance: string;
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
  /** What the agent says of itself: `idle`, `busy`, `draining`, or `left` when it left on purpose. */
  readonly state: string;
}

/** Who is connected and what they last reported. A projection in memory: a restart fills it again within a heartbeat. */
export class Registry {
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #progress = new Map<string, Progress>();

  /**
   * A reconnect replaces its own old stream, which may be half open.
   * @throws WireError `exists` when another agent that is connected has the same node name.
   */
  attach(profile: NodeProfile, session: Session, at: string): void {
    const old = this.#nodes.get(profile.name)?.session ?? null;
    if (old !== null) {
      // An instance is no secret: only the same credential may take its place.
      if (old.instance !== session.instance || old.caller !== session.caller) {
        throw new WireError(
          'exists',
          `Another agent is connected as node ${quote(profile.name)}: give one of them another name.`,
        );
      }
      old.close('the agent has opened a new stream');
    }
    this.#nodes.set(profile.name, { profile, session, lastSeenAt: at, state: 'idle' });
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
    for (const [name] of gone) this.#nodes.delete(name);
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
    this.#nodes.clear();
    this.#progress.clear();
  }
}
