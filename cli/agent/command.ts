import type { Command } from 'commander';
import type { LogFormat } from '../../core/log-text.js';
import { DEFAULT_AGENT_METRICS_PORT } from '../../proto/ports.js';
import { addAgentConnectionOptions, type CredentialOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { logFormatOption } from '../options/log.js';
import { collect, duration } from '../options/values.js';

export interface AgentOptions extends CredentialOptions {
  readonly coordinator?: string;
  readonly config?: string;
  readonly name?: string;
  readonly label: readonly string[];
  readonly models: readonly string[];
  readonly data?: string;
  readonly sweep?: string;
  readonly metrics?: string;
  readonly energy?: string;
  readonly untilDone?: true;
  readonly leaveIdle?: number;
  readonly logFormat?: LogFormat;
}

export function registerAgent(program: Command): void {
  const command = program
    .command('agent')
    .description('start an agent: runs and measures experiments on this node')
    .option('--config <file>', 'configuration file (YAML); flags override it')
    .option('--name <name>', 'name of this node (default: its host name)')
    .option('--label <key=value>', 'a label that sweeps may ask for (repeatable)', collect, [])
    .option('--models <dir>', 'folder with models that sweeps may use (repeatable)', collect, [])
    .option('--sweep <id>', 'work only for this sweep, as agents of a job do (default: for every sweep)')
    .option('--data <dir>', 'folder of the spool (default: the user’s state folder)')
    .option(
      '--metrics <address>',
      `HTTP address of /metrics, /healthz, /readyz, e.g. 127.0.0.1:${DEFAULT_AGENT_METRICS_PORT} (default: not served)`,
    )
    .option('--energy <source>', 'energy source: auto, none, or replay:FILE for a recorded trace')
    .option('--until-done', 'end when the coordinator has nothing more to do')
    .option('--leave-idle <time>', 'end when there has been no work for this long, such as 10min', duration)
    .addOption(logFormatOption());
  addAgentConnectionOptions(command).action(lazy(async () => (await import('./agent.js')).serveAgent));
}
