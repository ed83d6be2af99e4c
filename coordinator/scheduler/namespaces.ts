import { groupBy } from '../../core/maps.js';
import { DEFAULT_NAMESPACE, idInNamespace } from '../../core/sweep/identity.js';
import {
  type Block,
  type LeaseState,
  paceOf,
  type SchedulerOptions,
  type SchedulerState,
  type SweepState,
} from './state.js';
import type { SweepView } from './view.js';

export const PRIORITY_LIMIT = 1000;

/** What a namespace may use. */
export interface NamespacePolicy {
  /** Its share of device time against the others', while several wait. */
  readonly weight: number;
  /** Trials at a time; null = as many as there are devices. */
  readonly runningTrials: number | null;
  /** Of all its trials together; null = as many as it likes. */
  readonly deviceHours: number | null;
  /** Of answers and calls in the store of bodies; null = as many as it likes. */
  readonly bodyBytes: number | null;
}

const USUAL: NamespacePolicy = { weight: 1, runningTrials: null, deviceHours: null, bodyBytes: null };
/** Before a sweep has a trial that says how long they take. */
const UNKNOWN_SECONDS = 60;

/** @returns a sweep as that of a namespace. */
export function inNamespace(view: SweepView, namespace: string): SweepView {
  if (namespace === DEFAULT_NAMESPACE) return view;
  return { ...view, namespace, sweepId: idInNamespace(view.sweepId, namespace) };
}

/** @returns the namespace of a sweep; that of one which another release wrote is the usual one. */
export function namespaceOf({ sweeps }: Pick<SchedulerState, 'sweeps'>, sweepId: string): string {
  return sweeps.get(sweepId)?.view.namespace ?? DEFAULT_NAMESPACE;
}

/** @returns what a namespace may use: its own entry, or that of `*`. */
export function policyOf(
  { namespaces = {} }: Pick<SchedulerOptions, 'namespaces'>,
  name: string,
): NamespacePolicy {
  const entry = Object.hasOwn(namespaces, name) ? namespaces[name] : namespaces['*'];
  return { ...USUAL, ...entry };
}

/**
 * @returns sweeps in the order in which they get a device: first those of the namespace whose turn it is,
 *   within a namespace by priority, and then by submission.
 */
export function inTurn(state: SchedulerState): Iterable<SweepState> {
  if (!state.severalTurns) return state.sweeps.values();
  const running = [...state.sweeps.values()].filter((sweep) => !sweep.cancelled && sweep.paused === null);
  const groups = groupBy(running, ({ view }) => view.namespace);
  return state.shares
    .order([...groups.keys()])
    .filter((namespace) => quotaRefusal(state, namespace) === null)
    .flatMap((namespace) => groups.get(namespace)!.sort((a, b) => b.priority - a.priority));
}

/** @returns why nothing more of a namespace is begun now; null = it has not used up what it may. */
export function quotaRefusal(state: SchedulerState, namespace: string): string | null {
  const { runningTrials, deviceHours } = policyOf(state.options, namespace);
  const used = (state.usage.get(namespace) ?? 0) / 3600;
  if (deviceHours !== null && used >= deviceHours) {
    return `the namespace ${namespace} has used ${used.toFixed(1)} of its ${deviceHours} device-hours`;
  }
  if (runningTrials !== null && runningIn(state, namespace) >= runningTrials) {
    return `the namespace ${namespace} runs ${runningTrials} trials, as many as it may at a time`;
  }
  return null;
}

/** @returns trials of a namespace that run now. */
export function runningIn(state: SchedulerState, namespace: string): number {
  let running = 0;
  for (const { sweepId } of state.leases.values())
    if (state.sweeps.get(sweepId)?.view.namespace === namespace) running += 1;
  return running;
}

/**
 * Charges a block that begins to the share of its sweep's namespace.
 * @returns the device-seconds of one of its trials, as far as they can be estimated.
 */
export function chargeBlock(state: SchedulerState, sweep: SweepState, positions: readonly number[]): number {
  if (!state.severalTurns || positions.length === 0) return 0;
  const { namespace } = sweep.view;
  const each = (paceOf(sweep) ?? UNKNOWN_SECONDS) * sweep.view.devicesAt(positions[0]!);
  state.shares.begin(namespace, each * positions.length, policyOf(state.options, namespace).weight);
  return each;
}

/** So many positions of a block go back without having begun. */
export function refundBlock(
  state: SchedulerState,
  { sweepId, charged }: Pick<Block, 'sweepId' | 'charged'>,
  positions: number,
): void {
  correct(state, state.sweeps.get(sweepId), -charged * positions);
}

/**
 * Counts the time of a trial that has ended as used by its namespace. It is counted from the log, so it does
 * not matter who coordinated the trial.
 */
export function chargeTrial(
  state: SchedulerState,
  sweep: SweepState,
  lease: LeaseState | undefined,
  { seconds, position }: { readonly seconds: number; readonly position: number },
): void {
  const { namespace, count } = sweep.view;
  const devices = position < count ? sweep.view.devicesAt(position) : 1;
  state.usage.set(namespace, (state.usage.get(namespace) ?? 0) + seconds * devices);
  if (lease !== undefined) correct(state, sweep, seconds * devices - lease.charged);
}

function correct(state: SchedulerState, sweep: SweepState | undefined, seconds: number): void {
  if (!state.severalTurns || sweep === undefined || seconds === 0) return;
  const { namespace } = sweep.view;
  state.shares.correct(namespace, seconds, policyOf(state.options, namespace).weight);
}
