/** Lets followers sleep until something is appended, or until a while has passed. */
export class ChangeSignal {
  readonly #waiting = new Set<() => void>();

  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next notify, when the signal aborts, or after `seconds`. */
  wait(signal: AbortSignal, seconds = Number.POSITIVE_INFINITY): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = Number.isFinite(seconds) ? setTimeout(() => wake(), seconds * 1000) : null;
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
