import type { DeviceProfile } from '../../core/experiment/node.js';
import type { Searcher } from '../../search/searcher.js';
import type { Fact } from '../log/log.js';
import { inGroups, needsOf } from './block-order.js';
import { chargeBlock, inTurn, refundBlock } from './namespaces.js';
import { refusal, serves } from './placement.js';
import { reusable } from './reuse.js';
import {
  type Block,
  givenUp,
  type NodeState,
  type PointQueue,
  queueKey,
  queueOf,
  requeue,
  type SchedulerState,
  type Slot,
  type SweepState,
  slotsOf,
} from './state.js';

/**
 * New points looked at for one request, so that a sweep full of unfit points cannot stall the coordinator.
 */
const SCAN_LIMIT = 2048;
/**
 * A block of so few points is over before the machine can drift; the control would cost more than it reveals.
 */
export const FEW_EXPERIMENTS = 3;
/**
 * Points that a search is asked for at a time. It knows more each time it is asked, and so few need no drift
 * control.
 */
const ASKED_AT_ONCE = FEW_EXPERIMENTS;
/** How often a search may name points that fit no device here, before the slot is told to ask again. */
const MOST_REFUSED = 64;
/** Of the blocks of a search, which are further starts of what stands on its front. */
const AGAIN_EVERY = 3;
/** Why a point of a search has fewer starts than others. */
const NO_OTHER_START = 'search-ended: another start could not bring it to the front';
/** How far into the random order the reference experiment is looked for. */
const REFERENCE_SEARCH = 64;

export interface Allocation {
  /** Facts that allocation brought up: reused results, points that nobody can take. */
  readonly facts: Fact[];
  /** True when the scan limit ended the search before the end of the sweep. */
  unfinished: boolean;
}

/** Gives the slot a block of the first sweep that has something for it. @returns false when none has. */
export function allocateBlock(
  state: SchedulerState,
  slot: Slot,
  at: string,
  allocation: Allocation,
): boolean {
  const node = state.nodes.get(slot.node);
  const device = node?.profile.devices.find((candidate) => candidate.id === slot.deviceId);
  if (node === undefined || device === undefined) return false;
  for (const sweep of inTurn(state)) {
    if (sweep.cancelled || sweep.paused !== null || !serves(node.profile, sweep.view)) continue;
    const key = queueKey(sweep, slot.node);
    // A node that has no device of the classes asked for does not become a value of the node axis.
    if (key !== '' && !device.classes.some((name) => sweep.view.placement.devices.includes(name))) continue;
    const queue = queueOf(sweep, key);
    const allocator = new BlockAllocator({ state, sweep, queue, node, device, at, allocation });
    const drawn = allocator.positions(slot);
    if (drawn.length === 0) continue;
    const times = drawn.some((position) => !queue.stale.has(position));
    const wantsControl = sweep.view.placement.driftControl && times && drawn.length > FEW_EXPERIMENTS;
    const control = wantsControl ? allocator.reference() : null;
    const needsAt = (position: number) => needsOf(sweep.view.experimentAt(position, queue.node));
    const side = slot.left?.at === 'first' ? 'last' : 'first';
    const beside =
      control === null
        ? slot.left && { ...slot.left, at: 'first' as const }
        : ({ needs: needsAt(control), at: side } as const);
    const pending = inGroups(drawn, needsAt, beside);
    slot.left = { needs: needsAt(control ?? pending.at(-1)!), at: beside?.at ?? 'last' };
    slot.block = {
      sweepId: sweep.view.sweepId,
      queue: key,
      number: sweep.nextBlock,
      pending,
      control,
      charged: chargeBlock(state, sweep, pending),
      stage: 'begin',
    };
    sweep.nextBlock += 1;
    return true;
  }
  return false;
}

/** Whose points a device is given, and what comes up meanwhile. */
interface Taking {
  readonly state: SchedulerState;
  readonly sweep: SweepState;
  readonly queue: PointQueue;
  readonly node: NodeState;
  readonly device: DeviceProfile;
  /** Time of day, for facts. */
  readonly at: string;
  readonly allocation: Allocation;
}

/** Takes positions of one queue for one device. */
class BlockAllocator {
  readonly #of: Taking;

  constructor(taking: Taking) {
    this.#of = taking;
  }

  /**
   * Points are taken in this order: those that came back; those that other devices left; new points; when all
   * have begun, those that lack further starts, fewest starts first; at last a share of another slot's block.
   */
  positions(slot: Slot): number[] {
    const { view } = this.#of.sweep;
    const queue = this.#of.queue;
    const { search } = queue;
    const size = Math.max(
      1,
      search === null ? view.placement.blockSize : Math.min(view.placement.blockSize, ASKED_AT_ONCE),
    );
    const taken = this.#asked(size);
    if (taken.length > 0) return taken;

    for (let left = queue.returned.length; left > 0 && taken.length < size; left -= 1) {
      this.#consider(queue.returned.shift()!, taken, true);
    }
    let looked = slot.deferredSeen.get(queue) ?? 0;
    const deferredEnd = queue.deferred.length;
    for (; looked < deferredEnd && taken.length < size; looked += 1) {
      const position = queue.deferred[looked]!;
      if (position < 0) continue;
      if (this.#consider(position, taken, false)) queue.deferred[looked] = -1;
    }
    let scanned = 0;
    const returned = taken.length;
    if (search !== null) return this.#searched(search, taken, size);
    while (queue.cursor < view.count && taken.length < size && scanned < SCAN_LIMIT) {
      const position = view.positionAt(queue.cursor);
      // After a restart all are passed again; what has begun waits elsewhere.
      if (queue.starts.countOf(position) === 0) this.#consider(position, taken, true);
      queue.cursor += 1;
      scanned += 1;
    }
    if (taken.length === returned && queue.cursor >= view.count) scanned += this.#furtherStarts(taken, size);
    if (scanned >= SCAN_LIMIT && taken.length === 0) this.#of.allocation.unfinished = true;
    // What this slot has just deferred itself need not be looked at again.
    slot.deferredSeen.set(queue, looked === deferredEnd ? queue.deferred.length : looked);
    return taken.length > 0 ? taken : this.#takeHalf(slot);
  }

  /** Points that are asked again. Nothing of them is timed, so a block has them without other points. */
  #asked(size: number): number[] {
    const { stale, inFlight } = this.#of.queue;
    const { node, device } = this.#of;
    const taken: number[] = [];
    for (const position of stale) {
      if (taken.length >= size) break;
      if (inFlight.has(position)) continue;
      if (this.#refusal(position, node, device) === null) {
        inFlight.add(position);
        taken.push(position);
      } else if (this.#fitsNowhere(position)) stale.delete(position);
    }
    return taken;
  }

  /**
   * Every few blocks, points that may stand on the front get further starts; the other blocks have points
   * that the search asks for. Once the search has ended, points off the front are settled by the starts that
   * they have.
   */
  #searched(search: Searcher, taken: number[], size: number): number[] {
    const { starts, inFlight, settled } = this.#of.queue;
    const again = this.#of.sweep.nextBlock % AGAIN_EVERY === 0 || search.ended !== null;
    // What was given up keeps its starts, and is asked for none.
    const open = (position: number) => !inFlight.has(position) && !settled.has(position);
    const waiting = again ? [...starts.waiting()].filter(open) : [];
    for (const position of waiting) {
      if (taken.length >= size) break;
      if (search.worthAnotherStart(position)) this.#consider(position, taken, true);
      else if (search.ended !== null) this.#giveUp(position, NO_OTHER_START);
    }
    for (let asked = 0; taken.length < size && asked < MOST_REFUSED; asked += 1) {
      const next = search.next(this.#of.device.name);
      this.#noteDecisions(search);
      if (next.length === 0) return taken;
      for (const position of next) this.#consider(position, taken, true);
    }
    if (taken.length === 0) this.#of.allocation.unfinished = true;
    return taken;
  }

  #noteDecisions(search: Searcher): void {
    const about = { sweepId: this.#of.sweep.view.sweepId, node: this.#of.queue.node, at: this.#of.at };
    for (const decision of search.takeNews()) {
      this.#of.allocation.facts.push({ fact: 'PromotionDecided', ...about, ...decision });
    }
  }

  /**
   * Points that wait with the same number of starts. So each pass over the sweep has blocks of its own, and
   * points that shared a block share the next one. They wait in the order in which their last starts ended,
   * and are taken in reverse order. So what drifts within a block does not always meet the same points.
   * @returns how many were looked at.
   */
  #furtherStarts(taken: number[], size: number): number {
    const { starts } = this.#of.queue;
    const pass: number[] = [];
    let scanned = 0;
    const fewest = starts.fewest();
    while (fewest !== null && taken.length + pass.length < size && scanned < SCAN_LIMIT) {
      const position = starts.take(fewest);
      if (position === undefined) break;
      this.#consider(position, pass, true);
      scanned += 1;
    }
    taken.push(...pass.reverse());
    return scanned;
  }

  /** The first point of the sweep's order that runs here: the same one for every block of this device. */
  reference(): number | null {
    const { view } = this.#of.sweep;
    for (let index = 0; index < Math.min(view.count, REFERENCE_SEARCH); index += 1) {
      const position = view.positionAt(index);
      if (this.#of.queue.settled.get(position)?.state === 'failed') continue;
      if (this.#refusal(position, this.#of.node, this.#of.device) === null) return position;
    }
    return null;
  }

  /** @returns true when the position needs no more looking for: taken, out, settled, or settled by a fact. */
  #consider(position: number, taken: number[], defer: boolean): boolean {
    const queue = this.#of.queue;
    if (queue.inFlight.has(position)) return true;
    // What was measured is probed again beside what may take its place.
    if (queue.settled.has(position) && queue.search?.wantsProbe(position) !== true) return true;
    const { view } = this.#of.sweep;
    const experiment = view.experimentAt(position, queue.node);
    const reused = reusable(this.#of.state, this.#of.sweep, queue, position, this.#of.node.profile);
    if (reused.length > 0) {
      queue.inFlight.add(position);
      this.#of.allocation.facts.push(...reused);
      return true;
    }
    const never = view.impossibility(experiment);
    if (never !== null) {
      this.#giveUp(position, never);
      return true;
    }
    const reason = this.#refusal(position, this.#of.node, this.#of.device);
    if (reason === null) {
      queue.inFlight.add(position);
      taken.push(position);
      return true;
    }
    if (this.#fitsNowhere(position)) {
      this.#giveUp(position, reason);
      return true;
    }
    if (defer) queue.deferred.push(position);
    return false;
  }

  #giveUp(position: number, reason: string): void {
    const { sweep, queue, at, allocation } = this.#of;
    queue.inFlight.add(position);
    allocation.facts.push(givenUp(sweep, queue, position, reason, at));
  }

  #refusal(position: number, node: NodeState, device: DeviceProfile): string | null {
    const { view } = this.#of.sweep;
    const tried = this.#of.queue.tries.get(position)?.elsewhere.get(node.profile.name);
    if (tried !== undefined) return tried;
    const experiment = view.experimentAt(position, this.#of.queue.node);
    const reason = refusal(experiment, node.profile, device, view.memoryBytes(experiment));
    return reason === null ? null : `does-not-fit: ${view.label(experiment)} ${reason}`;
  }

  /** True when no node that could ever come would take it. */
  #fitsNowhere(position: number): boolean {
    if (this.#of.queue.node === null && !this.#of.state.options.fixedFleet) return false;
    const nodes = this.#of.queue.node === null ? [...this.#of.state.nodes.values()] : [this.#of.node];
    return nodes.every(
      (node) =>
        node.lost || node.profile.devices.every((device) => this.#refusal(position, node, device) !== null),
    );
  }

  /** At the end of a sweep idle slots take half of what waits in the longest block of another slot. */
  #takeHalf(slot: Slot): number[] {
    const { queue, sweep } = this.#of;
    if (queue.nonePending === sweep.nextBlock) return [];
    let longest: Block | null = null;
    for (const other of slotsOf(this.#of.state)) {
      const { block } = other;
      if (other === slot || block?.sweepId !== sweep.view.sweepId) continue;
      if (block.queue !== (queue.node ?? '')) continue;
      if (block.pending.length > (longest?.pending.length ?? 0)) longest = block;
    }
    if (longest === null) {
      queue.nonePending = sweep.nextBlock;
      return [];
    }
    const half = Math.ceil(longest.pending.length / 2);
    const taken: number[] = [];
    for (let index = longest.pending.length - 1; index >= 0 && taken.length < half; index -= 1) {
      const position = longest.pending[index]!;
      if (this.#refusal(position, this.#of.node, this.#of.device) !== null) continue;
      longest.pending.splice(index, 1);
      taken.push(position);
    }
    refundBlock(this.#of.state, longest, taken.length);
    return taken;
  }
}

/** Takes a slot's block away; what was not begun goes back to the queue. */
export function releaseBlock(state: SchedulerState, slot: Slot): void {
  const block = slot.block;
  slot.block = null;
  const sweep = block === null ? undefined : state.sweeps.get(block.sweepId);
  if (block === null || sweep === undefined) return;
  refundBlock(state, block, block.pending.length);
  for (const position of block.pending) requeue(queueOf(sweep, block.queue), position);
}
