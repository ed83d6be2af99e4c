import type { DeviceProfile } from '../../core/node.js';
import type { Fact } from '../log/log.js';
import { mayReuse, refusal } from './placement.js';
import {
  type Block,
  giveBack,
  type Lane,
  type NodeState,
  type SchedulerState,
  type SweepState,
  type Track,
  trackKey,
  trackOf,
} from './state.js';

/** New points looked at for one request, so that a sweep full of unfit points cannot stall the coordinator. */
const SCAN_LIMIT = 2048;
/** A block of so few experiments is over before anything can drift; the control would cost more than it tells. */
const FEW_EXPERIMENTS = 3;
/** How far into the random order the reference experiment is looked for. */
const REFERENCE_SEARCH = 64;

export interface Dealing {
  /** Facts that dealing brought up: reused results, points that nobody can take. */
  readonly facts: Fact[];
  /** True when the scan limit ended the search before the end of the sweep. */
  unfinished: boolean;
}

/** Deals the lane a block of the first sweep that has something for it. @returns false when none has. */
export function dealBlock(state: SchedulerState, lane: Lane, at: string, dealing: Dealing): boolean {
  const node = state.nodes.get(lane.node);
  const device = node?.profile.devices.find((candidate) => candidate.id === lane.deviceId);
  if (node === undefined || device === undefined) return false;
  for (const sweep of state.sweeps.values()) {
    if (sweep.cancelled) continue;
    const key = trackKey(sweep, lane.node);
    // A node that has no device of the classes asked for does not become a value of the node axis.
    if (key !== '' && !device.classes.some((name) => sweep.view.placement.devices.includes(name))) continue;
    const draw = new Draw(state, sweep, trackOf(sweep, key), node, device, at, dealing);
    const pending = draw.positions(lane);
    if (pending.length === 0) continue;
    const wantsControl = sweep.view.placement.driftControl && pending.length > FEW_EXPERIMENTS;
    lane.block = {
      sweepId: sweep.view.sweepId,
      track: key,
      number: sweep.nextBlock,
      pending,
      control: wantsControl ? draw.reference() : null,
      stage: 'begin',
    };
    sweep.nextBlock += 1;
    return true;
  }
  return false;
}

/** Draws positions of one track for one device. */
class Draw {
  readonly #state: SchedulerState;
  readonly #sweep: SweepState;
  readonly #track: Track;
  readonly #node: NodeState;
  readonly #device: DeviceProfile;
  readonly #at: string;
  readonly #dealing: Dealing;

  constructor(
    state: SchedulerState,
    sweep: SweepState,
    track: Track,
    node: NodeState,
    device: DeviceProfile,
    at: string,
    dealing: Dealing,
  ) {
    this.#state = state;
    this.#sweep = sweep;
    this.#track = track;
    this.#node = node;
    this.#device = device;
    this.#at = at;
    this.#dealing = dealing;
  }

  /** What came back first, then what others left, then new points, at last a share of another lane's block. */
  positions(lane: Lane): number[] {
    const { view } = this.#sweep;
    const track = this.#track;
    const size = Math.max(1, view.placement.blockSize);
    const taken: number[] = [];

    for (let left = track.returned.length; left > 0 && taken.length < size; left -= 1) {
      this.#consider(track.returned.shift()!, taken, true);
    }
    let looked = lane.looked.get(track) ?? 0;
    const deferredEnd = track.deferred.length;
    for (; looked < deferredEnd && taken.length < size; looked += 1) {
      const position = track.deferred[looked]!;
      if (position < 0) continue;
      if (this.#consider(position, taken, false)) track.deferred[looked] = -1;
    }
    let scanned = 0;
    while (track.cursor < view.count && taken.length < size && scanned < SCAN_LIMIT) {
      this.#consider(view.positionAt(track.cursor), taken, true);
      track.cursor += 1;
      scanned += 1;
    }
    if (scanned === SCAN_LIMIT && taken.length === 0) this.#dealing.unfinished = true;
    // What this lane has just deferred itself need not be looked at again.
    lane.looked.set(track, looked === deferredEnd ? track.deferred.length : looked);
    return taken.length > 0 ? taken : this.#share(lane);
  }

  /** The first point of the sweep's order that runs here: the same one for every block of this device. */
  reference(): number | null {
    const { view } = this.#sweep;
    for (let index = 0; index < Math.min(view.count, REFERENCE_SEARCH); index += 1) {
      const position = view.positionAt(index);
      if (this.#track.settled.get(position)?.state === 'failed') continue;
      if (this.#refusal(position, this.#node, this.#device) === null) return position;
    }
    return null;
  }

  /** @returns true when the position needs no more looking for: taken, out, settled, or settled by a fact. */
  #consider(position: number, taken: number[], defer: boolean): boolean {
    const track = this.#track;
    if (track.settled.has(position) || track.out.has(position)) return true;
    const { view } = this.#sweep;
    const experiment = view.experimentAt(position, track.node);
    const known = this.#state.known.get(experiment.id);
    const about = { sweepId: view.sweepId, position, experimentId: experiment.id, node: track.node };
    if (known !== undefined && mayReuse(known, experiment, this.#node.profile)) {
      track.out.add(position);
      this.#dealing.facts.push({ fact: 'ResultReused', ...about, trialId: known.trialId });
      return true;
    }
    const never = view.impossibility(experiment);
    if (never !== null) {
      track.out.add(position);
      this.#dealing.facts.push({ fact: 'ExperimentGivenUp', ...about, reason: never, at: this.#at });
      return true;
    }
    const reason = this.#refusal(position, this.#node, this.#device);
    if (reason === null) {
      track.out.add(position);
      taken.push(position);
      return true;
    }
    if (this.#nobodyTakes(position)) {
      track.out.add(position);
      this.#dealing.facts.push({ fact: 'ExperimentGivenUp', ...about, reason, at: this.#at });
      return true;
    }
    if (defer) track.deferred.push(position);
    return false;
  }

  #refusal(position: number, node: NodeState, device: DeviceProfile): string | null {
    const { view } = this.#sweep;
    const tried = this.#track.tries.get(position)?.elsewhere.get(node.profile.name);
    if (tried !== undefined) return tried;
    const experiment = view.experimentAt(position, this.#track.node);
    const reason = refusal(experiment, node.profile, device, view.memoryBytes(experiment));
    return reason === null ? null : `does-not-fit: ${view.label(experiment)} ${reason}`;
  }

  /** True when no node that could ever come would take it. */
  #nobodyTakes(position: number): boolean {
    if (this.#track.node === null && !this.#state.options.fixedFleet) return false;
    const nodes = this.#track.node === null ? [...this.#state.nodes.values()] : [this.#node];
    return nodes.every(
      (node) =>
        node.lost || node.profile.devices.every((device) => this.#refusal(position, node, device) !== null),
    );
  }

  /** At the end of a sweep idle lanes take half of what waits in the longest block of another lane. */
  #share(lane: Lane): number[] {
    let longest: Block | null = null;
    for (const node of this.#state.nodes.values()) {
      for (const other of node.lanes.values()) {
        const block = other.block;
        if (other === lane || block === null || block.sweepId !== this.#sweep.view.sweepId) continue;
        if (block.track !== (this.#track.node ?? '')) continue;
        if (block.pending.length > (longest?.pending.length ?? 0)) longest = block;
      }
    }
    if (longest === null) return [];
    const half = Math.ceil(longest.pending.length / 2);
    const taken: number[] = [];
    for (let index = longest.pending.length - 1; index >= 0 && taken.length < half; index -= 1) {
      const position = longest.pending[index]!;
      if (this.#refusal(position, this.#node, this.#device) !== null) continue;
      longest.pending.splice(index, 1);
      taken.push(position);
    }
    return taken;
  }
}

/** Takes a lane's block away; what was not begun goes back to the queue. */
export function dropBlock(state: SchedulerState, lane: Lane): void {
  const block = lane.block;
  lane.block = null;
  const sweep = block === null ? undefined : state.sweeps.get(block.sweepId);
  if (block === null || sweep === undefined) return;
  for (const position of block.pending) giveBack(trackOf(sweep, block.track), position);
}
