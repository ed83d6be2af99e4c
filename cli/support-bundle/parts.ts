import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import pc from 'picocolors';
import { VERSION } from '../../process/package.js';
import type { ControlConnection } from '../../proto/client.js';
import { parseNodeProfile } from '../../proto/convert.js';
import { WireError } from '../../proto/errors.js';
import type { SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { ask, isSuccess } from '../../proto/http/ask.js';
import { DEFAULT_COORDINATOR_METRICS } from '../../proto/ports.js';
import { withCoordinator } from '../connection.js';
import { checkFleet, type Fleet } from '../doctor/fleet/checks.js';
import { linesOfCheck, lookAtFleet } from '../doctor/fleet/fleet.js';
import { tryFile, workError } from '../exit.js';
import { nodeListing } from '../nodes/nodes.js';
import { stateWord } from '../sweeps/sweeps.js';
import type { SupportBundleOptions } from './command.js';
import { type SettingsText, shownSettings } from './settings.js';

/** A file of the bundle. */
export interface Part {
  readonly path: string;
  /** @returns its content, secrets included. @throws Error that says why there is none. */
  readonly gather: () => Promise<string> | string;
}

const HTTP_BOUNDS = { seconds: 10, mostBytes: 64 * 1024 ** 2 };
const AUDIT_LINES = 500;
/** Lines of the audit log are shorter than 1 KiB. */
const AUDIT_BYTES = AUDIT_LINES * 1024;

/** @returns what a bundle is made of, each part apart from the others: one that fails leaves the rest. */
export function partsOf(options: SupportBundleOptions, settings: readonly SettingsText[]): Part[] {
  const asked =
    (work: (control: ControlConnection) => Promise<string>): Part['gather'] =>
    () =>
      withCoordinator({ ...options, wait: false }, work);
  return [
    { path: 'versions.json', gather: () => versions(options) },
    {
      path: 'doctor.txt',
      gather: asked(async (control) => doctorText(await lookAtFleet(control))),
    },
    {
      path: 'nodes.json',
      gather: asked(async (control) => json(nodeListing((await control.listNodes()).nodes))),
    },
    {
      path: 'sweeps.json',
      gather: asked(async (control) => json((await control.listSweeps()).sweeps.map(countsOf))),
    },
    { path: 'metrics.txt', gather: () => got(metricsUrl(options)) },
    { path: 'alerts.json', gather: () => alerts(options.prometheus) },
    ...(settings.length === 0 ? [{ path: 'settings', gather: noSettings }] : []),
    ...settings.map((one, i) => ({
      path: `settings/${i + 1}-${basename(one.file).replace(/[^\w.-]/g, '_')}`,
      gather: () => shownSettings(one).text,
    })),
    { path: 'audit.jsonl', gather: () => auditEnd(settings) },
  ];
}

/** Colors of a terminal have no place in a file. */
function doctorText(fleet: Fleet): string {
  const colors = pc.createColors(false);
  return `${checkFleet(fleet)
    .flatMap((check) => linesOfCheck(check, colors))
    .join('\n')}\n`;
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

function noSettings(): never {
  throw workError('no file is named; name it by --config');
}

/** Also says what this command is where no coordinator answers. */
async function versions(options: SupportBundleOptions): Promise<string> {
  const { platform, arch, version: node } = process;
  const command = { version: VERSION, node, platform, arch };
  try {
    const { answers, nodes } = await withCoordinator({ ...options, wait: false }, async (control) => ({
      answers: await control.leaders(),
      nodes: (await control.listNodes()).nodes,
    }));
    return json({
      command,
      coordinators: answers.map(({ address, answer }) =>
        answer instanceof WireError
          ? { address, version: null, reason: answer.message }
          : {
              address,
              version: answer.health?.version ?? null,
              leads: answer.ownAddress === answer.leaderAddress,
            },
      ),
      agents: nodes.map(({ name, health, nodeProfileJson }) => {
        return { node: name, version: health?.version ?? null, os: parseNodeProfile(nodeProfileJson).os };
      }),
    });
  } catch (error) {
    return json({ command, coordinators: null, agents: null, reason: (error as Error).message });
  }
}

/** Where a sweep stands, without its document, its rows and their names. */
function countsOf(sweep: SweepStatus): object {
  const { sweepId, name, namespace, priority, submittedAt, blockedReasons, failureReasons } = sweep;
  const { points, complete, disturbed, failed, invalid, running, queued } = sweep;
  const counts = { points, complete, disturbed, failed, invalid, running, queued };
  const what = { sweepId, name, namespace, priority, state: stateWord(sweep), submittedAt };
  return { ...what, ...counts, blockedReasons, failureReasons };
}

function metricsUrl({ metrics, coordinator }: SupportBundleOptions): string {
  if (metrics !== undefined) return metrics;
  const [first = ''] = coordinator.split(',');
  const port = DEFAULT_COORDINATOR_METRICS.split(':').at(-1);
  return `http://${first.replace(/:\d+$/, '')}:${port}/metrics`;
}

async function alerts(prometheus: string | undefined): Promise<string> {
  if (prometheus === undefined) throw workError('no Prometheus is named; name it by --prometheus');
  return await got(`${prometheus.replace(/\/+$/, '')}/api/v1/alerts`);
}

/** @returns what an address answers. @throws CommandError (1) */
async function got(address: string): Promise<string> {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw workError(`${address} is no http or https URL`);
  const { status, text } = await ask(url, HTTP_BOUNDS).catch((error: Error) => {
    throw workError(`${address} does not answer: ${error.message || error.name}`);
  });
  if (!isSuccess(status)) throw workError(`${address} answers ${status}`);
  return text;
}

/** @returns the last lines of the audit log that one of these files of settings names. */
function auditEnd(settings: readonly SettingsText[]): string {
  const file = settings.map(auditFileIn).find((name) => name !== null);
  if (file === undefined || file === null)
    throw workError('no readable coordinator.yaml that names an audit log is given by --config');
  return tryFile(`cannot read the audit log ${file}`, () => lastLines(file));
}

function auditFileIn(settings: SettingsText): string | null {
  try {
    return shownSettings(settings).auditFile;
  } catch {
    // Said by the part that shows the file.
    return null;
  }
}

function lastLines(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(0, size - AUDIT_BYTES);
    const bytes = Buffer.alloc(size - from);
    const text = bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, from));
    const lines = text.split('\n').filter((line) => line !== '');
    // The first is cut where the reading began in its middle.
    return lines
      .slice(from > 0 ? 1 : 0)
      .slice(-AUDIT_LINES)
      .map((line) => `${line}\n`)
      .join('');
  } finally {
    closeSync(descriptor);
  }
}
