import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** Clock ticks per second of /proc/PID/stat; 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** @returns bytes that the process has in memory now. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** @returns the most bytes that the process had in memory since it began, or since `forgetPeak`. */
export function peakBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM');
}

/** Lets the peak begin again at what the process has now (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** @returns seconds of CPU that the process has used, in user mode and in the kernel. */
export function cpuSeconds(pid: number): number {
  // The second field is the name in parentheses, which may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** @returns workers of trials that have lost their parent, as `ps` shows them. */
export function orphans(): string[] {
  const table = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' });
  return table.split('\n').filter((line) => line.includes('agent/worker') && /^\s*\d+\s+1\s/.test(line));
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
}
