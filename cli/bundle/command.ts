import { basename } from 'node:path';
import type { Command } from 'commander';
import { EXIT, usageError } from '../exit.js';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export const NO_PIN = 'let a coordinator delete the sweep, as if it had not been read';

export interface BundleOptions extends ConnectionOptions {
  readonly output?: string;
  readonly key?: string;
  readonly force?: true;
  readonly json?: true;
  /** A coordinator that has the sweep does not delete it until it is unpinned. */
  readonly pin: boolean;
}

export function registerBundle(program: Command): void {
  const bundle = program
    .command('bundle')
    .description(
      'all results in one file that anybody can check: records with raw samples, answers, environment, digests, the sweep, the published numbers, and a signed manifest. ' +
        '`ridge report`, `compare` and `recommend` read it as a run',
    )
    .argument(
      '[sources...]',
      'folders of `ridge run`, results.jsonl, logs (a file, postgres://…, nats://…), or a sweep of a coordinator',
    )
    .option('-o, --output <file>', 'the bundle to write: the same results give the same bytes')
    .option('--key <file>', 'PEM: the private Ed25519 key to sign with')
    .option('-f, --force', 'overwrite the output if it exists')
    .option('--no-pin', NO_PIN)
    .option('--json', 'of verify: print JSON');
  addConnectionOptions(bundle).action(async (sources: readonly string[], options: BundleOptions) => {
    const { output } = options;
    if (sources.length === 0)
      throw usageError('nothing is named to bundle', 'Write ridge bundle ridge-out/RUN --output run.bundle.');
    if (output === undefined)
      throw usageError('--output is missing', 'Write ridge bundle ridge-out/RUN --output run.bundle.');
    const { makeBundle } = await import('./make.js');
    await makeBundle(sources, { ...options, output, pinReason: `bundle ${basename(output)}` });
  });
  bundle
    .command('verify')
    .description(
      `check a bundle offline: exit code ${EXIT.failed} and the line that is wrong, ${EXIT.undecided} where numbers could not be computed again from their raw readings`,
    )
    .argument('<file>', 'a bundle')
    // Those of its parent, which reads them wherever they stand.
    .option('--key <file>', 'PEM: the public Ed25519 key by which the bundle must be signed')
    .option('--json', 'print JSON')
    .action(async (file: string, _: object, command: Command) => {
      const { printVerified } = await import('./print.js');
      process.exitCode = printVerified(file, command.optsWithGlobals<BundleOptions>());
    });
  bundle
    .command('keygen')
    .description('make an Ed25519 key to sign with, and the public one beside it')
    .argument('<file>', 'private key to write (PEM); the public key gets the ending .pub.pem')
    .action(lazy(async () => (await import('./print.js')).printKeys));
}
