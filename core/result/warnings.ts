import type { Gates } from '../experiment/experiment.js';

/** How much a warning says against a row, the least first; the worst one of a row is its grade. */
export const SEVERITIES = ['note', 'disturbed', 'invalid'] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * `clean`: the number of an undisturbed machine. `disturbed`: the machine was not the row's alone; the row counts, and its interval
 * holds what that did. `invalid`: the number is not what the row says it is.
 */
export const GRADES = ['clean', 'disturbed', 'invalid'] as const;
export type Grade = (typeof GRADES)[number];

/**
 * Warnings are values. Each has a stable code that reports, dashboards and alerts can group by. `disturbed` is what a neighbour, heat
 * or a limit of the machine did to the time of a row; `invalid` is a fault, for which a start is tried again.
 */
export const WARNINGS = {
  'foreign-process': {
    severity: 'disturbed',
    help: 'another process used the CPU or device during the trial: end it, or keep it off these CPUs (`cpuGroups`)',
  },
  'cpu-steal': {
    severity: 'disturbed',
    help: 'the hypervisor took CPU time away during the trial: ask for dedicated CPUs, or measure when the host is calm',
  },
  'shared-core': {
    severity: 'disturbed',
    help: 'something else ran on the other hardware threads of the physical cores during the trial: another guest of the host or another CPU of this one (ask for dedicated cores, or measure when the host is calm), or a process on sibling CPUs (`cpuGroups` can leave them out)',
  },
  'distant-cores': {
    severity: 'disturbed',
    help: "the host of this virtual machine moved the trial's CPUs onto cores that share no cache, where threads that wait for each other are slower: ask for pinned or dedicated CPUs",
  },
  'thermal-throttle': {
    severity: 'disturbed',
    help: 'the device lowered its clock because of heat: see to its cooling, or let it rest between trials',
  },
  'power-throttle': {
    severity: 'disturbed',
    help: 'a power brake of the hardware lowered the clock of the device: see to its power supply',
  },
  'power-cap': {
    severity: 'note',
    help: 'the device held its clock down to stay within its power cap, as GPUs at full load often do: another cap gives another number',
  },
  'quota-throttle': {
    severity: 'disturbed',
    help: 'the CPU quota of the container stopped the trial: raise it (docker: `--cpuset-cpus` in place of `--cpus`; Kubernetes: no CPU limit), or give the device fewer CPUs (`cpuGroups`)',
  },
  'clock-change': {
    severity: 'note',
    help: 'the CPU or device clock moved by more than 5 % between repeats',
  },
  'high-spread': {
    severity: 'disturbed',
    help: 'repeats differ so much that their median is less certain than `maxSpread` allows: raise `maxRepeats` or `maxSeconds`, or calm the machine',
  },
  'drift-trend': {
    severity: 'disturbed',
    help: 'repeats grow steadily slower or faster: raise `maxWarmups`, or let the machine rest between trials',
  },
  'generator-late': {
    severity: 'disturbed',
    help: 'the load generator could not keep up, so that its own delays are in the numbers: lower the rate or the concurrency, or give it a CPU of its own',
  },
  'rate-missed': {
    severity: 'invalid',
    help: 'the load generator sent more than 1 % less than the rate that the sweep offers, so the row is of another load: lower the rate, or give it a CPU of its own',
  },
  'requests-failed': {
    severity: 'note',
    help: 'requests failed or were not finished; they count against goodput, and latencies are those of the others',
  },
  'most-failed': {
    severity: 'invalid',
    help: 'fewer than half of the requests were answered whole: the row tells of the few that were, not of the load',
  },
  'run-resumed': {
    severity: 'note',
    help: 'the process that ran applications was killed and another went on: those that it interrupted have no end-to-end time',
  },
  'nothing-served': { severity: 'invalid', help: 'no request was answered whole' },
  'length-mismatch': {
    severity: 'note',
    help: 'answers were shorter or longer than the sweep asks, for the model may end them: rates of tokens are not of the lengths that the row says',
  },
  'length-forced': {
    severity: 'invalid',
    help: 'answers were shorter or longer than what the server was made to give (`exactLength`): the row is of other lengths than it says',
  },
  'tokens-uncounted': {
    severity: 'note',
    help: 'no tokenizer is known for the model, so tokens are counted as the server says',
  },
  'usage-differs': {
    severity: 'note',
    help: 'the server counts other tokens than the tokenizer does; rates rest on the tokenizer, or on the server where it tells the tokens of each chunk',
  },
  'slo-unmet': {
    severity: 'note',
    help: 'no load that was tried kept the objectives; the row is of the load that the sweep begins with',
  },
  'over-saturated': {
    severity: 'note',
    help: 'requests came faster than the server answers, so that its queue grew to the end: latencies tell of the length of the run',
  },
  'output-cached': {
    severity: 'invalid',
    help: 'a prompt that is asked again is answered faster per token than the server can decode: it keeps answers, and where prompts repeat the row tells of its cache',
  },
  'prefix-cached': {
    severity: 'note',
    help: 'a prompt that is asked again has its first token earlier: the server keeps what it computed of prompts though the sweep does not ask for it (`prefixCaching`); prompts that begin alike are read faster',
  },
  unsteady: {
    severity: 'note',
    help: 'the server became faster or slower while it was measured: figures of the whole run are of no one state of it; run longer, or lower the load',
  },
  reused: {
    severity: 'note',
    help: 'measured before, in the folder of another run on this machine, with the same engine and build (`--reuse`)',
  },
  'affinity-unset': { severity: 'note', help: 'the process could not be pinned to its cores' },
  oversubscribed: { severity: 'note', help: 'more threads than cores were asked for' },
  'window-too-short': {
    severity: 'note',
    help: 'the phase is shorter than 20 update periods of the energy source',
  },
  'raw-thinned': {
    severity: 'note',
    help: 'raw samples were more than a record holds; part of them is kept, and the row cannot be computed again from it',
  },
  'meter-gap': { severity: 'note', help: 'a meter delivered no sample for longer than three of its periods' },
  'meter-sentinel': { severity: 'note', help: 'a meter gave values that mean "no value"; they were dropped' },
  'meter-duplicate': {
    severity: 'note',
    help: 'a meter gave several readings of one moment; they were averaged',
  },
  'meter-disorder': {
    severity: 'note',
    help: 'a meter gave readings out of the order of their times; they were sorted',
  },
  'meter-uncovered': {
    severity: 'note',
    help: 'energy readings begin after or end before what was measured; what they do not cover has no energy',
  },
  'counter-reset': {
    severity: 'note',
    help: 'an energy counter went back; what it fell into has no energy',
  },
  'counter-stuck': {
    severity: 'note',
    help: 'an energy counter stood still for longer than three of its steps; what it fell into has no energy',
  },
  'energy-shared': {
    severity: 'note',
    help: 'the energy source feeds more than the device of the trial, such as other MIG instances or the other half of a board: no energy is published',
  },
  'other-device': {
    severity: 'note',
    help: 'energy readings of more GPUs than the trial had: only those of its own are counted',
  },
  'idle-busy': { severity: 'note', help: 'something ran while idle power was read: net energy is too low' },
  'meter-refused': {
    severity: 'note',
    help: 'a driver gave no value when it was asked: it refused, or answered with what stands for none',
  },
  'energy-elsewhere': {
    severity: 'note',
    help: 'the trial also computed on a device whose energy was not read: no energy is published',
  },
  'counter-integral-disagree': {
    severity: 'note',
    help: 'the energy counter and the integral of power differ by more than 5 %',
  },
  'setting-not-held': {
    severity: 'invalid',
    help: 'the device did not keep the power cap or clock that the sweep set',
  },
  'setting-not-restored': {
    severity: 'note',
    help: 'the power cap or clock found before a trial was not put back',
  },
  'provider-fallback': {
    severity: 'invalid',
    help: 'most of the graph ran on another execution provider than the row says',
  },
  'clock-backwards': { severity: 'invalid', help: 'the clock that phases are stamped by went backwards' },
  'engine-warning': { severity: 'note', help: 'the engine printed a warning' },
  'quality-missing': { severity: 'note', help: 'the quality that was asked for could not be measured' },
  'quality-caveat': {
    severity: 'note',
    help: 'the quality was measured with a caveat, e.g. beyond the trained context',
  },
  'profile-missing': { severity: 'note', help: 'the operators that were to be timed could not be' },
  'profile-costly': {
    severity: 'note',
    help: 'timing the operators made a phase more than 25 % longer: their shares are of that slower phase',
  },
  'above-roof': {
    severity: 'note',
    help: 'a phase ran above its roof: the roofs were measured on a disturbed machine, or its work is overcounted. Measure them again with `ridge roofs`',
  },
  'roofs-disturbed': {
    severity: 'note',
    help: 'the roofs or factors that the row is held against were measured on a disturbed machine: `ridge roofs`, then `ridge factors`, take them again',
  },
  // Records of before carry these; nothing raises them any more, for no decision hung on them. Reports leave them out.
  outliers: {
    severity: 'note',
    help: 'not raised any more: some repeats lay far from the others',
    retired: true,
  },
  'interval-wide': {
    severity: 'note',
    help: 'not raised any more: the interval was wider than asked',
    retired: true,
  },
  'warmup-unsettled': {
    severity: 'note',
    help: 'not raised any more: the warm-up ended unsettled',
    retired: true,
  },
  'few-repeats': { severity: 'note', help: 'not raised any more: fewer than three repeats', retired: true },
  'fake-runner': {
    severity: 'note',
    help: 'the runner of the row only pretends to run a model, as its warning says: the numbers are made up',
  },
} as const satisfies Record<string, { severity: Severity; help: string; retired?: true }>;

export type WarningCode = keyof typeof WARNINGS;

export interface Warning {
  readonly code: WarningCode;
  readonly severity: Severity;
  /** One sentence with the figures that led to it. */
  readonly message: string;
}

/** @returns whether a warning is one that nothing raises any more. */
export function isRetired({ code }: Pick<Warning, 'code'>): boolean {
  return 'retired' in WARNINGS[code];
}

/** @returns a warning with the severity the catalogue gives its code. */
export function warn(code: WarningCode, message: string): Warning {
  return { code, severity: WARNINGS[code].severity, message };
}

/** @returns the worst that warnings say, as these gates take it. */
export function gradeOf(warnings: readonly Pick<Warning, 'severity'>[], gates: Gates): Grade {
  if (warnings.some(({ severity }) => severity === 'invalid')) return 'invalid';
  if (!warnings.some(({ severity }) => severity === 'disturbed')) return 'clean';
  return gates === 'strict' ? 'invalid' : 'disturbed';
}

/** @returns the codes, each once, of what makes warnings other than clean; of faults alone where there are any. */
export function gradingCodesOf(warnings: readonly Pick<Warning, 'code' | 'severity'>[]): WarningCode[] {
  const faults = warnings.filter(({ severity }) => severity === 'invalid');
  const gradingCodes =
    faults.length > 0 ? faults : warnings.filter(({ severity }) => severity === 'disturbed');
  return [...new Set(gradingCodes.map(({ code }) => code))];
}
