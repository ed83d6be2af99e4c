import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OperatorFile } from '../../../operator/settings.js';
import type { Action } from '../../../operator/sweep/reconcile.js';

/** Where an operator is killed. */
export interface Kill {
  readonly step: Action['step'];
  readonly when: 'before' | 'after';
  /** The how many-th time that it does the step. */
  readonly nth: number;
}

/** An operator as a process; with `keep` another one begins whenever it ends, as a Deployment does it. */
export class OperatorProcess {
  readonly #given: { readonly kubeconfig: string; readonly settings: OperatorFile };
  #child: ChildProcess;
  #stopped = false;
  /** How often it was killed. */
  kills = 0;
  said = '';

  constructor(kubeconfig: string, settings: OperatorFile, kill: Kill | null = null) {
    this.#given = { kubeconfig, settings: { logLevel: 'warn', logFormat: 'text', ...settings } };
    this.#child = this.#start(kill);
  }

  /** Megabytes of memory that it has had at most. */
  peakMegabytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it for good. */
  async stop(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopped = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill(name);
    await ended;
  }

  #start(kill: Kill | null): ChildProcess {
    const program = join(import.meta.dirname, 'operator-child.mjs');
    const child = spawn(process.execPath, [program, JSON.stringify({ ...this.#given, kill })], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    child.once('close', (_code, signal) => {
      if (signal === 'SIGKILL') this.kills += 1;
      if (!this.#stopped) this.#child = this.#start(null);
    });
    return child;
  }
}
