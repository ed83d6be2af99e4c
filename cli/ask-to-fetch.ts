import { refusedModels } from '../artifacts/door/open.js';
import type { Sweep } from '../core/sweep/spec.js';
import { nodeConfig } from './node-config.js';
import type { NodeOptions } from './options/config.js';
import { questioner, yesOrNo } from './questioner.js';

/** Where whoever typed the command can be asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks whether a sweep that runs on this machine may fetch the hub's models that it names, where neither a
 * flag nor a file says so: whoever types is this machine's operator.
 * @param terminal null = nobody can be asked, and nothing changes.
 * @returns the options, with --allow-hf after a yes.
 * @throws CommandError (2) for a wrong configuration; 130 when the question was left.
 */
export async function askToFetch<Options extends NodeOptions>(
  options: Options,
  { models }: Pick<Sweep, 'models'>,
  terminal: Terminal | null = terminalOfProcess(),
): Promise<Options> {
  if (terminal === null) return options;
  const { sources: policy } = nodeConfig(options);
  const refused = refusedModels(models, policy);
  if (refused.length === 0) return options;
  const named = refused.map(({ source }) => source).join(' and ');
  const ask = questioner(terminal.input, terminal.output, 'nothing was fetched');
  try {
    const allowed = await ask.ask(
      `Fetch ${named} from ${new URL(policy.hfEndpoint).host}? (--allow-hf does not ask) y/n [n]:`,
      yesOrNo,
    );
    return allowed ? { ...options, allowHf: true } : options;
  } finally {
    ask.close();
  }
}

function terminalOfProcess(): Terminal | null {
  const { stdin, stderr } = process;
  return stdin.isTTY === true && stderr.isTTY === true ? { input: stdin, output: stderr } : null;
}
