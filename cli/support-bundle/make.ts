import { readFileSync } from 'node:fs';
import { VERSION } from '../../process/package.js';
import { clientSecurity } from '../connection.js';
import { tryFile } from '../exit.js';
import { printData } from '../output/print.js';
import { packed } from '../report/packed/container.js';
import { writeWhole } from '../report/run-folder.js';
import { outputPath } from '../single/output-path.js';
import type { SupportBundleOptions } from './command.js';
import { type Part, partsOf } from './parts.js';
import { secretsOf, withoutSecrets } from './secrets.js';

/** What is there of a part: its text, or why there is none. */
type Gathered = { readonly path: string } & ({ readonly text: string } | { readonly reason: string });

/**
 * `ridge support-bundle`: what is missing is said in `contents.txt` and fails nothing, since a bundle is made
 * when something does not work.
 * @throws CommandError (2) for a place that cannot be written, or options that contradict each other.
 */
export async function makeSupportBundle(output: string, options: SupportBundleOptions): Promise<void> {
  const path = outputPath(output, options.force === true);
  const security = clientSecurity(options);
  const settings = (options.config ?? []).map((file) => {
    return { file, text: tryFile(`cannot read ${file}`, () => readFileSync(file, 'utf8')) };
  });
  const known = [...secretsOf(process.env), ...(security.kind === 'token' ? [security.token] : [])];
  const clean = (text: string) => withoutSecrets(text, known);
  const gathered = await Promise.all(
    partsOf(options, settings).map(async (part) => await gatheredPart(part, clean)),
  );
  const lines = gathered.map(lineOf);
  const contents = [`ridgepoint ${VERSION}, ${new Date().toISOString()}`, ...lines].join('\n');
  const files = new Map([['contents.txt', Buffer.from(clean(`${contents}\n`))]]);
  for (const part of gathered) if ('text' in part) files.set(part.path, Buffer.from(part.text));
  tryFile(`cannot write ${output}`, () => writeWhole(path, packed(files)));
  printData(`${[...lines, `wrote ${output}`].join('\n')}\n`);
}

async function gatheredPart({ path, gather }: Part, clean: (text: string) => string): Promise<Gathered> {
  try {
    return { path, text: clean(await gather()) };
  } catch (error) {
    // Whatever it is, the other parts are wanted.
    return { path, reason: clean((error as Error).message).replaceAll('\n', ' ') };
  }
}

function lineOf(part: Gathered): string {
  return 'text' in part ? `there    ${part.path}` : `missing  ${part.path}: ${part.reason}`;
}
