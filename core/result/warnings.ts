import type { Gates } from '../experiment/experiment.js';
import listed from './warnings.json' with { type: 'json' };

/** How much a warning says against a row, the least first; the worst one of a row is its grade. */
export const SEVERITIES = ['note', 'disturbed', 'invalid'] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * `clean`: the number of an undisturbed machine. `disturbed`: the machine was not the row's alone; the row
 * counts, and its interval holds what that did. `invalid`: the number is not what the row says it is.
 */
export const GRADES = ['clean', 'disturbed', 'invalid'] as const;
export type Grade = (typeof GRADES)[number];

/**
 * Warnings are values. Each has a stable code that reports, dashboards and alerts can group by. `disturbed`
 * is what a neighbour, heat or a limit of the machine did to the time of a row; `invalid` is a fault, for
 * which a start is tried again.
 */
export const WARNINGS = listed as Readonly<
  Record<WarningCode, { readonly severity: Severity; readonly help: string }>
>;

export type WarningCode = keyof typeof listed;

export interface Warning {
  readonly code: WarningCode;
  readonly severity: Severity;
  /** One sentence with the figures that led to it. */
  readonly message: string;
}

/** @returns a warning with the severity the catalogue gives its code. */
export function warn(code: WarningCode, message: string): Warning {
  return { code, severity: WARNINGS[code].severity, message };
}

/** @returns the warning where something is so, else none. */
export function warnIf(is: boolean, code: WarningCode, message: string): Warning[] {
  return is ? [warn(code, message)] : [];
}

/** @returns the worst that warnings say, as these gates take it. */
export function gradeOf(warnings: readonly Pick<Warning, 'severity'>[], gates: Gates): Grade {
  if (warnings.some(({ severity }) => severity === 'invalid')) return 'invalid';
  if (!warnings.some(({ severity }) => severity === 'disturbed')) return 'clean';
  return gates === 'strict' ? 'invalid' : 'disturbed';
}

/**
 * @returns the codes, each once, of what makes warnings other than clean; of faults alone where there are
 *   any.
 */
export function gradingCodesOf(warnings: readonly Pick<Warning, 'code' | 'severity'>[]): WarningCode[] {
  const faults = warnings.filter(({ severity }) => severity === 'invalid');
  const gradingCodes =
    faults.length > 0 ? faults : warnings.filter(({ severity }) => severity === 'disturbed');
  return [...new Set(gradingCodes.map(({ code }) => code))];
}
