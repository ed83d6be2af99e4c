import { hostname } from 'node:os';
import { listingDevices, type NodeProbe, probeNode } from '../../agent/probe.js';
import { groupBy } from '../../core/maps.js';
import { formatValue } from '../../core/metrics/format.js';
import { RUNNERS } from '../../core/runners/index.js';
import { diagnose } from '../../engines/door.js';
import type { Format } from '../../formats/format.js';
import { FORMATS } from '../../formats/index.js';
import { VERSION } from '../../process/package.js';
import { EXIT } from '../exit.js';
import { agentConfig } from '../node-config.js';
import { printDrawn, printJson } from '../output/print.js';
import { stdoutColors } from '../output/terminal.js';
import type { DoctorOptions } from './command.js';
import { hostLines, hostStates } from './host.js';
import { powerFindings, settableHere } from './power.js';
import { roofFindings } from './roofs.js';

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly hint: string | null;
}

/**
 * `ridge doctor`: what this node has, what is missing, and how to get it; what of the host makes numbers
 * move.
 * @returns 0 when sweeps can run here, 1 when no engine loads.
 * @throws CommandError (2) for a wrong configuration.
 */
export async function doctor(options: DoctorOptions): Promise<number> {
  const { cpuGroups, roofsFolder, engines: named } = agentConfig(options.config);
  const [{ engines, servers }, { profile, periods }] = await Promise.all([
    diagnose(named),
    probeNode({
      nodeName: hostname(),
      labels: {},
      cpuGroups,
      runnerKinds: listingDevices(named),
      engines: named,
      meters: { energy: 'auto', replayFile: null, procRoot: '/proc', sysRoot: '/sys' },
    }),
  ]);
  const settable = await settableHere(profile.devices);
  const host = hostStates(profile.devices, settable ?? {});
  const instructions = instructionSets(profile.cpuFeatures);
  const findings: Finding[] = [
    foundFinding('ridgepoint', `${VERSION}, Node ${process.version}`),
    foundFinding('cpu', `${profile.cpuModel}, ${profile.cores} cores, ${instructions}`),
    foundFinding('memory', `${formatValue(profile.memoryBytes, 'B')} for trials`),
    ...profile.devices.map((d) => foundFinding('device', `${d.id}: ${d.name} (${d.classes.join(', ')})`)),
    foundFinding('model formats', FORMATS.map(openedBy).join('; ')),
    ...engines.map(({ name, ok, reason, hint }) => ({ name, ok, found: reason, hint })),
    ...serverFindings(servers),
    profile.energySources.length > 0
      ? foundFinding('energy', profile.energySources.map(renewed(periods)).join(', '))
      : {
          name: 'energy',
          ok: false,
          found: profile.absent.energy ?? 'no source found',
          hint: 'Energy is null with this reason. RAPL needs a physical Intel or AMD machine and the right to read /sys/class/powercap, or kernel.perf_event_paranoid of 0; docs/energy.md has the others.',
        },
    ...absences(profile.absent),
    ...(await roofFindings(roofsFolder, profile.devices)),
    ...powerFindings(settable),
  ];
  const runs = engines.some((e) => e.ok && /^(llama\.cpp|onnxruntime)/.test(e.name));
  if (options.json === true) printJson({ runs, profile, findings, host });
  else printDrawn([...inFewLines(findings).map(line), ...host.flatMap(hostLines)].join('\n'));
  return runs ? EXIT.ok : EXIT.failed;
}

const foundFinding = (name: string, found: string): Finding => ({ name, ok: true, found, hint: null });

/** `gguf for llama-cpp, ggml`, or that nothing runs models of a format. */
function openedBy({ name }: Format): string {
  const kinds = RUNNERS.filter(({ formats }) => formats.includes(name)).map(({ kind }) => kind);
  return `${name} ${kinds.length === 0 ? 'for ridge roofline alone' : `for ${kinds.join(', ')}`}`;
}

/**
 * @returns a line for each server that is there or that the configuration names, and one for the profiles of
 *   all others.
 */
export function serverFindings(found: Awaited<ReturnType<typeof diagnose>>['servers']): Finding[] {
  const listed = found.filter(
    ({ ok, server: { name, profile, command } }) =>
      ok || name !== profile.name || command !== profile.command,
  );
  const others = found.flatMap((one) => {
    const { name, profile } = one.server;
    if (listed.includes(one)) return [];
    return [profile.built === null ? name : `${name} (\`ridge engines build server\` compiles one)`];
  });
  return [
    ...listed.map(({ server, ...finding }) => ({ name: `server ${server.name}`, ...finding })),
    ...(others.length === 0 ? [] : [foundFinding('other servers', `not on the PATH: ${others.join(', ')}`)]),
  ];
}

/**
 * @returns the same with one line for the execution providers of ONNX Runtime that are not here: most are of
 *   other systems.
 */
function inFewLines(findings: readonly Finding[]): Finding[] {
  const isAbsent = ({ name, ok }: Finding) => !ok && /^onnxruntime \S+$/.test(name);
  const absent = findings.filter(isAbsent);
  if (absent.length < 2) return [...findings];
  const found = absent.map(({ name }) => name.replace('onnxruntime ', '')).join(', ');
  const hint = 'Optional: docs/onnx.md says where each is; `ridge doctor --json` has the reasons.';
  const one = { name: 'onnxruntime others', ok: false, found, hint };
  return findings.flatMap((finding) => (finding === absent[0] ? [one] : isAbsent(finding) ? [] : [finding]));
}

/** @returns a line for each reason: one meter may be missed by several quantities. */
function absences(absent: Readonly<Record<string, string>>): Finding[] {
  const missed = Object.entries(absent).filter(([name]) => name !== 'energy' && !name.startsWith('runner '));
  return [...groupBy(missed, ([, reason]) => reason)].map(([found, of]) => {
    return { name: of.map(([name]) => name).join(', '), ok: false, found, hint: null };
  });
}

/** `nvml:gpu` → `nvml:gpu (renewed every 100 ms)`, where that was seen. */
function renewed(periods: NodeProbe['periods']): (source: string) => string {
  return (source) => {
    const [meter, domain] = source.split(':');
    const seen = [periods.node, ...periods.devices.values()].flatMap((of) =>
      ['energyJoules', 'powerWatts', 'powerAverageWatts'].flatMap(
        (quantity) => of.get(`${meter}/${quantity}:${domain}`)?.seconds ?? [],
      ),
    );
    return seen[0] === undefined ? source : `${source} (renewed every ${(seen[0] * 1000).toPrecision(2)} ms)`;
  };
}

function line(finding: Finding): string {
  const colors = stdoutColors();
  const mark = finding.ok ? colors.green('ok     ') : colors.yellow('missing');
  const hint = finding.hint === null ? '' : `\n${' '.repeat(32)}${colors.dim(finding.hint)}`;
  return `${mark}  ${finding.name.padEnd(22)} ${finding.found}${hint}`;
}

/** The instruction sets that decide how fast a CPU engine is, out of the dozens a CPU lists. */
function instructionSets(features: readonly string[]): string {
  const telling = [
    'avx2',
    'avx512f',
    'avx512_vnni',
    'avx512_bf16',
    'amx_int8',
    'amx_bf16',
    'asimd',
    'asimddp',
    'sve',
    'i8mm',
  ];
  const found = telling.filter((name) => features.includes(name));
  return found.length === 0 ? 'no vector extensions seen' : found.join(' ');
}
