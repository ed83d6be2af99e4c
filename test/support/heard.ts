import { expect, vi } from 'vitest';

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

/**
 * Makes a change, and waits until this process has said on stderr what it makes of it. Nothing else may have
 * mocks meanwhile.
 */
export async function untilSaid(sentence: string, change: () => void): Promise<void> {
  const said = heard();
  try {
    change();
    await expect.poll(() => said.stderr, { timeout: 30_000 }).toContain(sentence);
  } finally {
    vi.restoreAllMocks();
  }
}
