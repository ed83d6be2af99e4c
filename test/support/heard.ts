import { vi } from 'vitest';

/** Keeps what this process says from the terminal, until mocks are restored. @returns it, as it grows. */
export function heard(): { stdout: string; stderr: string } {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    });
  }
  return said;
}
