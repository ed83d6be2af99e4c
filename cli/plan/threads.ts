import type { Experiment } from '../../core/experiment/experiment.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import type { PlanWarning } from './warning.js';

/**
 * @param nodes that may run them, whose devices have the CPUs that a trial may use: those of its affinity,
 *   and no more than its cgroup grants.
 * @returns one warning for all experiments that ask for more threads than some device that they name has
 *   CPUs.
 */
export function threadWarnings(
  experiments: readonly Experiment[],
  nodes: readonly Pick<NodeProfile, 'name' | 'devices'>[],
): PlanWarning[] {
  const devices = nodes.flatMap((node) => node.devices.map((device) => ({ node, device })));
  let most = 0;
  let count = 0;
  const small = new Map<string, number>();
  for (const { device: wanted, runner } of experiments) {
    const { threads } = runner.options;
    if (typeof threads !== 'number') continue;
    const short = devices.filter(
      ({ device }) =>
        device.classes.includes(wanted) && threads > device.cpus.length && device.cpus.length > 0,
    );
    if (short.length === 0) continue;
    count += 1;
    most = Math.max(most, threads);
    for (const { node, device } of short) small.set(`${device.id} of ${node.name}`, device.cpus.length);
  }
  if (count === 0) return [];
  const [name, cpus] = [...small].sort(([, a], [, b]) => a - b)[0]!;
  const number = `${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`;
  const fewer =
    small.size === 1
      ? `${name} has ${number}`
      : `${small.size} devices have fewer CPUs, ${name} only ${cpus}`;
  const message = `threads go up to ${most}, and ${fewer}: threads that share a CPU wait for each other, and rows are marked \`oversubscribed\``;
  return [{ code: 'oversubscribed', message, experiments: count, blocks: false, notHere: false }];
}
