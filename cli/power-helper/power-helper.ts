import { readFileSync } from 'node:fs';
import type { RestingClocks } from '../../agent/power/gpu.js';
import { startHelper } from '../../agent/power/server.js';
import { openNvmlSettings } from '../../process/device/nvml-settings.js';
import { EXIT, usageError } from '../exit.js';
import { say } from '../output/print.js';
import type { PowerHelperOptions } from './command.js';

/** `ridge power-helper`: serves until it is told to stop, then leaves the machine as it found it. */
export async function servePowerHelper(options: PowerHelperOptions): Promise<void> {
  const restingClocks = readClocks(options.restingClocks);
  const groupId = groupNamed(options.group);
  const nvml = await openNvmlSettings();
  const helper = await startHelper({
    folder: options.folder,
    groupId,
    machine: { sysRoot: options.sysRoot, nvml, restingClocks },
    log: (message) => say(`power-helper: ${message}`),
  });
  say(
    `power-helper: listens at ${helper.socketPath}; GPUs: ${nvml.found ? nvml.nvml.uuids.join(', ') : nvml.reason}`,
  );
  const end = (code: number) => {
    helper.stop();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => end(EXIT.ok));
  process.once('uncaughtException', (error) => {
    say(`power-helper: ${error.stack ?? error.message}`);
    end(EXIT.failed);
  });
}

/** `1200-1980` */
function readClocks(text: string | undefined): RestingClocks {
  if (text === undefined) return null;
  const [, least, most] = /^(\d{2,5})-(\d{2,5})$/.exec(text) ?? [];
  if (least === undefined || most === undefined || Number(least) > Number(most)) {
    throw usageError(`--resting-clocks ${text} is no range of MHz`, 'It is written as 1200-1980.');
  }
  return { least: Number(least), most: Number(most) };
}

function groupNamed(group: string | undefined): number | null {
  if (group === undefined) return null;
  if (/^\d{1,9}$/.test(group)) return Number(group);
  const groups = readFileSync('/etc/group', 'utf8').split('\n');
  const line = groups.map((text) => text.split(':')).find(([name]) => name === group);
  if (line !== undefined) return Number(line[2]);
  throw usageError(
    `--group ${group} is no group of this machine`,
    'Make it with groupadd, or give its number.',
  );
}
