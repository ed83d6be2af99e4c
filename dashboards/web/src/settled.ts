import { useEffect, useState } from 'preact/hooks';

/** Fewer rows than this are drawn as fast as somebody types. */
const MANY = 500;
const PAUSE_MILLISECONDS = 140;

/**
 * @returns the rows once they have stayed the same for a moment: thousands of points are drawn after the last key and not after
 * each, while the table follows every key.
 */
export function useSettled<T>(rows: readonly T[], total: number): readonly T[] {
  const [settled, setSettled] = useState(rows);
  useEffect(() => {
    if (rows === settled) return;
    const timer = setTimeout(() => setSettled(rows), total > MANY ? PAUSE_MILLISECONDS : 0);
    return () => clearTimeout(timer);
  }, [rows]);
  return total > MANY ? settled : rows;
}
