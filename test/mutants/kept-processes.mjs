// Processes of vitest that outlive a run of tests. A mutant is a branch that a global variable chooses, so
// the modules under test need not be loaded again for the next one; only test files are.
import { fileURLToPath } from 'node:url';
import { ForksPoolWorker } from 'vitest/node';

/** @returns a pool of vitest whose one process stays until `discard`, with the modules it has loaded. */
export function keptProcesses() {
  /** The process between two runs of tests. */
  let idle;

  class KeptProcess extends ForksPoolWorker {
    name = 'kept';

    constructor(options) {
      super(options);
      this.entrypoint = fileURLToPath(new URL('kept-process-child.mjs', import.meta.url));
    }

    async start() {
      this._fork = idle;
      idle = undefined;
      await super.start();
    }

    send(message) {
      // Vitest ends a run by stopping its worker; the answer is ours.
      if (message.type === 'stop')
        this.fork.emit('message', { type: 'stopped', __vitest_worker_response__: true });
      else super.send(message);
    }

    async stop() {
      const { fork } = this;
      for (const event of ['message', 'error', 'exit']) fork.removeAllListeners(event);
      fork.stdout.unpipe(this.stdout);
      fork.stderr.unpipe(this.stderr);
      if (fork.connected) idle = fork;
    }
  }

  return {
    name: 'kept',
    createPoolWorker: (options) => new KeptProcess(options),
    /** The next run of tests loads everything anew. */
    async discard() {
      const fork = idle;
      idle = undefined;
      if (fork === undefined || fork.exitCode !== null) return;
      const exited = new Promise((resolve) => fork.once('exit', resolve));
      fork.kill('SIGKILL');
      await exited;
    },
  };
}
