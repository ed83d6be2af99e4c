import { getOrMake } from '../../core/maps.js';
import type { NamespaceStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import type { Dispatcher } from '../dispatcher.js';
import { policyOf, runningIn } from '../scheduler/namespaces.js';
import { sweepStatus } from '../scheduler/status.js';

/**
 * @returns what each namespace uses and may use, by name: those that have sweeps, and those of the
 *   configuration.
 */
export function namespaceStatuses({ state }: Pick<Dispatcher, 'state'>): NamespaceStatus[] {
  const waiting = new Map<string, { sweeps: number; queued: number }>();
  for (const name of Object.keys(state.options.namespaces ?? {}))
    if (name !== '*') waiting.set(name, { sweeps: 0, queued: 0 });
  for (const sweep of state.sweeps.values()) {
    const { namespace } = sweep.view;
    const of = getOrMake(waiting, namespace, () => ({ sweeps: 0, queued: 0 }));
    const { state: stated, queued } = sweepStatus(sweep);
    if (stated !== 'running' && stated !== 'paused') continue;
    of.sweeps += 1;
    of.queued += queued;
  }
  return [...waiting]
    .map(([name, { sweeps, queued }]): NamespaceStatus => {
      const { weight, runningTrials, deviceHours } = policyOf(state.options, name);
      const running = runningIn(state, name);
      return {
        name,
        weight,
        sweeps,
        running,
        queued: Math.max(0, queued - running),
        deviceHours: (state.usage.get(name) ?? 0) / 3600,
        mostRunning: runningTrials ?? undefined,
        mostDeviceHours: deviceHours ?? undefined,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
