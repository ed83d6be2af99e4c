import { addSeries, type MetricRegistry, type Row } from './defined.js';
import type { Snapshot, SweepProgress } from './snapshot.js';

/** Adds how far each sweep is. Two sweeps can have one name; their points add up. */
export function addProgress(registry: MetricRegistry, snapshot: () => Snapshot): void {
  const ofSweeps = (rows: (sweep: SweepProgress) => readonly Row[]) => () => snapshot().sweeps.flatMap(rows);
  addSeries(registry, {
    ridgepoint_sweep_points: ofSweeps(({ sweep, points }) =>
      Object.entries(points).map(([state, count]) => [{ sweep, state }, count] as const),
    ),
    ridgepoint_sweep_graded_points: ofSweeps(({ sweep, grades }) =>
      Object.entries(grades).map(([grade, count]) => [{ sweep, grade }, count] as const),
    ),
    ridgepoint_sweep_disturbed_points: ofSweeps(({ sweep, disturbedBy }) =>
      disturbedBy.map(({ code, points }) => [{ sweep, code }, points] as const),
    ),
    ridgepoint_sweep_invalid_points: ofSweeps(({ sweep, invalidBy }) =>
      invalidBy.map(({ code, points }) => [{ sweep, code }, points] as const),
    ),
    ridgepoint_sweep_failed_points: ofSweeps(({ sweep, failedBy }) =>
      [...failedBy].map(([code, count]) => [{ sweep, code }, count] as const),
    ),
    ridgepoint_sweep_reused_points: ofSweeps(({ sweep, reused }) => [[{ sweep }, reused]]),
    ridgepoint_sweep_impossible_points: ofSweeps(({ sweep, impossible }) => [[{ sweep }, impossible]]),
    ridgepoint_sweep_trial_seconds: () => {
      // A median does not add up: of sweeps with one name the newest counts.
      const newest = new Map(snapshot().sweeps.map(({ sweep, trialSeconds }) => [sweep, trialSeconds]));
      return [...newest].flatMap(([sweep, seconds]) =>
        seconds === null ? [] : [[{ sweep }, seconds] as const],
      );
    },
  });
}

/** Adds who is there, what they are doing, and how leases went. */
export function addFleet(registry: MetricRegistry, snapshot: () => Snapshot): void {
  addSeries(registry, {
    ridgepoint_leader: () => [[{}, snapshot().leading ? 1 : 0]],
    ridgepoint_log_entries: () => [[{}, snapshot().logEntries]],
    ridgepoint_log_writable: () => [[{}, snapshot().logWritable ? 1 : 0]],
    ridgepoint_log_append_failures_total: () => [[{}, snapshot().logRefused]],
    ridgepoint_namespace_running_trials: () =>
      snapshot().namespaces.map(({ name, running }) => [{ namespace: name }, running] as const),
    ridgepoint_namespace_queued_points: () =>
      snapshot().namespaces.map(({ name, queued }) => [{ namespace: name }, queued] as const),
    ridgepoint_namespace_device_seconds_total: () =>
      snapshot().namespaces.map(
        ({ name, deviceHours }) => [{ namespace: name }, deviceHours * 3600] as const,
      ),
    ridgepoint_node_up: () => snapshot().nodes.map(({ node, up }) => [{ node }, up ? 1 : 0] as const),
    ridgepoint_node_devices: () =>
      snapshot().nodes.flatMap(({ node, devices }) =>
        Object.entries(devices ?? {}).map(([state, count]) => [{ node, state }, count] as const),
      ),
    ridgepoint_leases: () => snapshot().leases.map(({ node, purpose }) => [{ node, purpose }, 1] as const),
    ridgepoint_leases_granted_total: () =>
      Object.entries(snapshot().granted).map(([purpose, count]) => [{ purpose }, count] as const),
    ridgepoint_oldest_waiting_point_seconds: () =>
      [...snapshot().waits].map(([reason, seconds]) => [{ reason }, seconds] as const),
    ridgepoint_leases_lost_total: () => [[{}, snapshot().lost]],
  });
}
