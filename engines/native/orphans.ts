import { importKoffi } from '../../process/koffi.js';

/** linux/prctl.h */
const PR_SET_CHILD_SUBREAPER = 36;

/**
 * Has the kernel give this process what is orphaned below it (prctl(2), PR_SET_CHILD_SUBREAPER; no right is
 * needed): a process that left its group and lost its parent is still found below the one that started it
 * all. Without it, on other systems or without koffi, such a one is lost.
 */
export async function adoptOrphans(): Promise<void> {
  if (process.platform !== 'linux') return;
  try {
    const koffi = await importKoffi();
    const prctl = koffi
      .load(null)
      .func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  } catch {
    // What stays in its group is ended all the same.
  }
}
