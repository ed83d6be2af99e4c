import { toFailure } from '../../../core/errors.js';
import { answerOf } from '../../../process/isolation/answer-of.js';
import { ownProgram } from '../../../process/isolation/own-program.js';
import { bare } from './api.js';
import type { RuntimeLibrary } from './libraries.js';
import { PROVIDERS } from './providers.js';
import { CHECK_GRAPH, CHECK_SETTINGS, checkRun, loadRuntime, type OrtRuntime } from './runtime.js';
import { openSession } from './session.js';

/** An execution provider of a library, tried with a small graph. */
export interface ProbedProvider {
  readonly library: RuntimeLibrary;
  readonly provider: string;
  /** Of the library; null where it does not open. */
  readonly release: string | null;
  /** Why it does not compute; null = it does. */
  readonly problem: string | null;
  /** How to get it; null where it computes. */
  readonly hint: string | null;
}

/** What the child is asked for: one provider, or which there are. */
export interface ProbeQuestion {
  readonly library: RuntimeLibrary;
  /** null = which are built in. */
  readonly provider: string | null;
}

/** What it answers. */
export interface ProbeAnswer {
  readonly release: string | null;
  readonly builtIn: readonly string[];
  readonly problem: string | null;
}

/** A driver that hangs is given up. */
const LIMIT_MILLISECONDS = 30_000;

/**
 * Tries every provider that a library has, and the CPU of each, in processes of their own: a driver that
 * crashes takes one answer along. Never throws.
 */
export async function probeProviders(libraries: readonly RuntimeLibrary[]): Promise<ProbedProvider[]> {
  const all = await Promise.all(libraries.map(probeLibrary));
  return all.flat();
}

async function probeLibrary(library: RuntimeLibrary): Promise<ProbedProvider[]> {
  const { release, builtIn, problem: unusable } = await ask({ library, provider: null });
  if (unusable !== null) {
    const hint = 'Name a library for this platform.';
    return [{ library, provider: 'cpu', release: null, problem: unusable, hint }];
  }
  const rest = Object.entries(PROVIDERS).map(async ([provider, { full, hint }]): Promise<ProbedProvider> => {
    const { problem } = builtIn.includes(full)
      ? await ask({ library, provider })
      : { problem: `${release} was built without it` };
    const optional = problem === null ? null : `Optional: ${remedy(problem, hint)}.`;
    return { library, provider, release, problem, hint: optional };
  });
  const plugins = Object.keys(library.plugins).map(async (provider): Promise<ProbedProvider> => {
    const { problem } = await ask({ library, provider });
    const hint = problem === null ? null : 'Mend it under onnxRuntimes in the agent’s configuration.';
    return { library, provider, release, problem, hint };
  });
  return await Promise.all([...rest, ...plugins]);
}

/** A library that is missing says more than that a build is. */
function remedy(problem: string, hint: string): string {
  const missing = /\b(lib[\w.+-]+\.so[.\d]*)/.exec(problem)?.[1];
  return missing === undefined || missing.includes('onnxruntime') ? hint : `install what brings ${missing}`;
}

async function ask(question: ProbeQuestion): Promise<ProbeAnswer> {
  const program = ownProgram('engines/native/onnxruntime/probe-child');
  return await answerOf<ProbeAnswer>(
    program,
    LIMIT_MILLISECONDS,
    (how) => ({ release: null, builtIn: [], problem: `trying it ended its process with ${how}` }),
    question,
  );
}

/** The work of the child. */
export async function answerHere({ library, provider }: ProbeQuestion): Promise<ProbeAnswer> {
  try {
    const runtime = await loadRuntime(library);
    const problem = provider === null ? null : tryProvider(runtime, provider);
    return { release: runtime.release, builtIn: runtime.builtIn, problem };
  } catch (error) {
    return { release: null, builtIn: [], problem: bare(toFailure(error).message) };
  }
}

/** @returns why a small graph is not computed by a provider; null where it is. */
function tryProvider(runtime: OrtRuntime, provider: string): string | null {
  const session = openSession(runtime, CHECK_GRAPH, { ...CHECK_SETTINGS, provider });
  try {
    const problem = checkRun(runtime, session.handle);
    if (problem !== null) return problem;
    const { assigned } = session;
    return assigned !== null && !assigned.has(session.provider)
      ? 'it took none of the nodes of a small graph, which ran on the CPU'
      : null;
  } finally {
    session.close();
  }
}
