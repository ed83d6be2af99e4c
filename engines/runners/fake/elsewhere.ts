import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { failed } from '../../../core/errors.js';
import { ownProgram } from '../../../process/isolation/own-program.js';
import { findStartTools, wrapCommand } from '../../../process/isolation/start-tools.js';
import { ask, isSuccess } from '../../../proto/http/ask.js';
import type { Generator, LoadedFacts } from '../opened.js';
import type { Demands } from '../runner.js';
import type { FakeOptions } from './options.js';

/** What the engine's process is started for. */
export interface EngineRequest {
  readonly options: FakeOptions;
  readonly demands: Demands['generator'];
}

/** What it says once it listens. */
export interface EngineReady {
  readonly port: number;
  readonly facts: LoadedFacts;
}

/** A call of a generator as it travels: of tokens, which the fake does not look at, how many there are. */
export type EngineCall =
  | { readonly call: 'reset'; readonly keepTokens: number }
  | { readonly call: 'prefill' | 'steps'; readonly lengths: readonly number[] };

/** Of one answer: the trial's own limit of time comes before this one. */
const BOUNDS = { seconds: 24 * 3600, mostBytes: 64 * 2 ** 20 };

/**
 * Starts a process that takes the fake's time, and asks it over HTTP: the shape of every engine that is a
 * server of its own.
 * @throws FailureError `load-failed` where it ends before it listens.
 */
export async function openElsewhere(
  options: FakeOptions,
  { contextTokens, sequences }: Demands['generator'],
): Promise<Generator> {
  const { loader, path } = ownProgram('engines/runners/fake/engine');
  const inner = { command: process.execPath, args: [...loader, path] };
  const { command, args } = wrapCommand(inner, [], findStartTools());
  const engine = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  engine.send({ options, demands: { contextTokens, sequences } } satisfies EngineRequest);
  const [ready] = await Promise.race([once(engine, 'message'), once(engine, 'exit')]);
  if (typeof ready === 'object' && ready !== null) return remoteGenerator(engine, ready as EngineReady);
  throw failed('load-failed', 'the process of the fake engine ended before it listened');
}

function remoteGenerator(engine: ChildProcess, { port, facts }: EngineReady): Generator {
  const url = new URL(`http://127.0.0.1:${port}`);
  /** @throws FailureError `run-failed` with what the engine says, or that it is gone. */
  const call = async (asked: EngineCall): Promise<unknown> => {
    const answer = await ask(url, { ...BOUNDS, body: JSON.stringify(asked) }).catch((error: Error) => {
      throw failed('run-failed', `the fake engine does not answer: ${error.message}`);
    });
    if (isSuccess(answer.status)) return JSON.parse(answer.text);
    throw failed('run-failed', answer.text);
  };
  const lengthsOf = (tokens: readonly Int32Array[]) => tokens.map(({ length }) => length);
  return {
    facts,
    warnings: [],
    processes: [engine.pid!],
    reset: async (keepTokens) => (await call({ call: 'reset', keepTokens })) as boolean,
    async prefill(tokens) {
      await call({ call: 'prefill', lengths: lengthsOf(tokens) });
    },
    async steps(tokens) {
      return Float64Array.from((await call({ call: 'steps', lengths: lengthsOf(tokens) })) as number[]);
    },
    close: () => void engine.kill('SIGKILL'),
  };
}
