import type { LiveNode, LiveTrial } from '../../../../report/live/live.js';
import { quantity } from '../../../../report/scale.js';
import { Heads } from '../heads.js';
import { stepText } from './progress.js';
import { hrefOf } from './route.js';

interface FleetProps {
  readonly nodes: readonly LiveNode[] | null;
  readonly running: readonly LiveTrial[];
}

/** Every node: what it is, what it can measure, and what it does now. */
export function FleetPage({ nodes, running }: FleetProps) {
  return (
    <main class="live">
      <h1 tabIndex={-1}>Fleet</h1>
      {nodes === null ? (
        <p class="empty">Asking the coordinator…</p>
      ) : nodes.length === 0 ? (
        <p class="empty">
          No agent has joined yet. <code>ridge agent --coordinator ADDRESS</code> starts one.
        </p>
      ) : (
        <>
          <p class="counts">{fleetText(nodes, running)}</p>
          <table class="listing fleet">
            <Heads of={['Node', 'State', ['Running now', 'wide'], 'Devices', 'Engines', 'Energy']} />
            <tbody>
              {nodes.map((node) => (
                <NodeRow
                  key={node.name}
                  node={node}
                  running={running.filter((trial) => trial.node === node.name)}
                />
              ))}
            </tbody>
          </table>
        </>
      )}
    </main>
  );
}

function NodeRow({ node, running }: { node: LiveNode; running: readonly LiveTrial[] }) {
  const { profile } = node;
  return (
    <tr data-node={node.name} class={node.state}>
      <th scope="row">
        {node.name}
        <span class="quiet under">
          {profile.cpuModel}, {profile.cores} cores, {quantity(profile.memoryBytes, 'B')}
        </span>
        {Object.entries(profile.labels).map(([name, value]) => (
          <span key={name} class="code under">
            {name}={value}
          </span>
        ))}
      </th>
      <td>
        <span class={`state-word ${node.state}`}>{node.state}</span>
        {node.lastSeenAt !== null && (
          <span class="quiet under">last heard of {node.lastSeenAt.slice(11, 19)} UTC</span>
        )}
      </td>
      <td>
        {running.map((trial) => (
          <span key={trial.trialId} class="under">
            <a href={hrefOf({ page: 'sweep', sweepId: trial.sweepId })}>{trial.label}</a>{' '}
            <span class="quiet">
              on {trial.deviceId}, {stepText(trial)}
            </span>
          </span>
        ))}
      </td>
      <td>
        {profile.devices.map((device) => (
          <span key={device.id} class="under">
            {device.name} <span class="code">{device.classes.at(-1) ?? device.id}</span>
            <span class="quiet">{profile.roofs[device.id] !== undefined && ' roofs measured'}</span>
          </span>
        ))}
      </td>
      <td>
        {profile.runners.map((runner) => (
          <span key={runner.kind} class="under">
            {runner.kind} <span class="quiet">{runner.release}</span>
          </span>
        ))}
      </td>
      <td>
        {profile.energySources.length > 0 ? (
          profile.energySources.map((source) => (
            <code key={source} class="under">
              {source}
            </code>
          ))
        ) : (
          <span class="quiet">none: {profile.absent.energy ?? 'the agent does not say why'}</span>
        )}
      </td>
    </tr>
  );
}

function fleetText(nodes: readonly LiveNode[], running: readonly LiveTrial[]): string {
  const count = (state: LiveNode['state']) => nodes.filter((node) => node.state === state).length;
  const [lost, drained] = [count('lost'), count('drained')];
  const here = nodes.length - lost - drained;
  const parts = [
    `${here} ${here === 1 ? 'node' : 'nodes'} connected`,
    `${running.length} ${running.length === 1 ? 'trial' : 'trials'} running`,
  ];
  if (lost > 0) parts.push(`${lost} lost`);
  if (drained > 0) parts.push(`${drained} drained`);
  return parts.join(', ');
}
