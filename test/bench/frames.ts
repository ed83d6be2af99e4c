import type { Page } from 'playwright-core';

/**
 * Lets the page note when each frame begins. As text: what a transpiler adds to functions is not known in the
 * page.
 */
export async function startFrames(page: Page): Promise<void> {
  await page.evaluate(
    `{ const noted = window.noted = []; const next = (now) => { noted.push(now); window.frame = requestAnimationFrame(next); };
       window.frame = requestAnimationFrame(next); }`,
  );
}

/** @returns milliseconds between the beginnings of frames. */
export async function stopFrames(page: Page): Promise<number[]> {
  const noted = (await page.evaluate('cancelAnimationFrame(window.frame), window.noted')) as number[];
  return noted.slice(1).map((now, i) => now - (noted[i] ?? now));
}

/** @param frames milliseconds between the beginnings of frames */
export function summary(frames: readonly number[]) {
  const sorted = [...frames].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return { median: at(0.5), p95: at(0.95), longest: sorted.at(-1) ?? 0, count: sorted.length };
}
