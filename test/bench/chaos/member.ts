import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Ground, type Place, signalAll } from './ground.js';

/** A supervisor starts again what ended, after so long. */
const AGAIN_MILLISECONDS = 500;
/** Lines that are kept of what it says. */
const MOST_WORDS = 12;

/**
 * One process of the fleet, which is killed, stopped and started again; one that ends by itself is started
 * again, as supervisors do.
 */
export class Member {
  readonly place: Place;
  /** How it ended though nobody had killed it, with its last words. */
  readonly endings: string[] = [];
  /** What it said last, newest last. */
  words: string[] = [];
  readonly #launch: () => ChildProcess;
  #child: ChildProcess | null = null;
  #wanted = false;
  #faults: Promise<unknown> = Promise.resolve();

  /** @param ground that ends it at last */
  constructor(ground: Ground, place: Place, launch: () => ChildProcess) {
    ground.endsWith(() => this.kill());
    this.place = place;
    this.#launch = launch;
  }

  get runs(): boolean {
    return this.#child !== null;
  }

  start(): void {
    this.#wanted = true;
    if (this.#child !== null) return;
    const child = this.#launch();
    this.#child = child;
    // Its output is read by then.
    child.once('close', (code, signal) => {
      if (this.#child === child) this.#child = null;
      if (!this.#wanted) return;
      this.endings.push(`${signal ?? `exit code ${code}`} ${this.words.join(' | ')}`.trimEnd());
      setTimeout(() => this.#wanted && this.start(), AGAIN_MILLISECONDS);
    });
  }

  /** `kill -9` of it and all that it started. */
  async kill(): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === null) return;
    const gone = once(child, 'close');
    signalAll(child, 'SIGKILL');
    await gone;
  }

  /** One line of what it says. */
  said(line: string): void {
    this.words = [...this.words.slice(1 - MOST_WORDS), line];
  }

  /** Stands still, or goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#child !== null) signalAll(this.#child, signal);
  }

  /** One fault at a time: the next one waits until this one is over. */
  during<T>(fault: () => Promise<T>): Promise<T> {
    const over = this.#faults.then(fault);
    this.#faults = over.catch(() => undefined);
    return over;
  }
}
