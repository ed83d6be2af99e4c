/**
 * Warnings are values. Each has a stable code that reports, dashboards and alerts can group by.
 * `invalid` means: the row must not be compared; the scheduler retries it and then reports it as it is.
 */
export const WARNINGS = {
  'foreign-process': { severity: 'invalid', help: 'another process used the CPU or device during the trial' },
  'cpu-steal': { severity: 'invalid', help: 'the hypervisor took CPU time away during the trial' },
  'shared-core': {
    severity: 'invalid',
    help: 'something else ran on the other hardware threads of the physical cores during the trial: another guest of the host or another CPU of this one (ask for dedicated cores, or measure when the host is calm), or a process on sibling CPUs (`cpuGroups` can leave them out)',
  },
  'distant-cores': {
    severity: 'invalid',
    help: "the host of this virtual machine moved the trial's CPUs onto cores that share no cache, where threads that wait for each other are slower: ask for pinned or dedicated CPUs",
  },
  'thermal-throttle': { severity: 'invalid', help: 'the device lowered its clock because of heat' },
  'power-throttle': { severity: 'invalid', help: 'the device lowered its clock because of a power limit' },
  'quota-throttle': {
    severity: 'invalid',
    help: 'the CPU quota of the container stopped the trial: raise it (docker: `--cpuset-cpus` in place of `--cpus`; Kubernetes: no CPU limit), or give the device fewer CPUs (`cpuGroups`)',
  },
  'clock-change': {
    severity: 'note',
    help: 'the CPU or device clock moved by more than 5 % between repeats',
  },
  'high-spread': {
    severity: 'invalid',
    help: 'repeats differ so much that their median is less certain than `maxSpread` allows: raise `maxRepeats` or `maxSeconds`, or calm the machine',
  },
  'drift-trend': {
    severity: 'note',
    help: 'repeats grow steadily slower or faster: raise `maxWarmups`, or let the machine rest between trials',
  },
  'generator-late': {
    severity: 'invalid',
    help: 'the load generator could not keep up, so that its own delays are in the numbers: lower the rate or the concurrency, or give it a CPU of its own',
  },
  'requests-failed': {
    severity: 'note',
    help: 'requests failed or were not finished; they count against goodput, and latencies are those of the others',
  },
  'most-failed': {
    severity: 'invalid',
    help: 'fewer than half of the requests were answered whole: the row tells of the few that were, not of the load',
  },
  'nothing-served': { severity: 'invalid', help: 'no request was answered whole' },
  'length-mismatch': {
    severity: 'note',
    help: 'answers were shorter or longer than the sweep asks: the server ended them, and rates of tokens are not of the lengths that the row says',
  },
  'tokens-uncounted': {
    severity: 'note',
    help: 'no tokenizer is known for the model, so tokens are counted as the server says',
  },
  'usage-differs': {
    severity: 'note',
    help: 'the server counts other tokens than the tokenizer does; rates rest on the tokenizer',
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
    help: 'the roofs or factors that the row is held against were measured on a disturbed machine: `ridge run` takes them again on a quiet one, or `ridge roofs`, then `ridge factors`',
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
  'fake-runner': { severity: 'note', help: 'the runner of the row only pretends to run a model, as its warning says: the numbers are made up' },
} as const satisfies Record<string, { severity: 'note' | 'invalid'; help: string; retired?: true }>;

export type WarningCode = keyof typeof WARNINGS;

/** Codes that make a row invalid. */
export const INVALIDATING: readonly WarningCode[] = (Object.keys(WARNINGS) as WarningCode[]).filter(
  (code) => WARNINGS[code].severity === 'invalid',
);

export interface Warning {
  readonly code: WarningCode;
  readonly severity: 'note' | 'invalid';
  /** One sentence with the figures that led to it. */
  readonly message: string;
}

/** @returns whether a warning is one that nothing raises any more. */
export function isRetired({ code }: Warning): boolean {
  return 'retired' in WARNINGS[code];
}

/** @returns a warning with the severity the catalogue gives its code. */
export function warn(code: WarningCode, message: string): Warning {
  return { code, severity: WARNINGS[code].severity, message };
}
