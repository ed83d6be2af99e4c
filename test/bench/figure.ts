import { writeFileSync } from 'node:fs';
import { cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** One claim of a bench: what was measured, what it had to be, and whether it holds. */
export interface Figure {
  readonly claim: string;
  readonly measured: string;
  readonly required: string;
  readonly holds: boolean;
}

/** The machine a figure was taken on, in one line. */
export function machine(): string {
  const all = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${all[0]?.model ?? 'unknown CPU'}, ${all.length} CPUs, ${memory}, ${platform()} ${release()}, Node ${process.version}`;
}

/**
 * Prints the figures, the machine and the date; the last line says how many claims hold.
 * Sets the exit code to 1 when one falls short.
 * @param folder where `figures.json` says the same; null = nowhere.
 */
export function conclude(bench: string, figures: readonly Figure[], folder: string | null = null): void {
  console.log(`\n${machine()}, ${new Date().toISOString().slice(0, 10)}`);
  for (const figure of figures) {
    console.log(
      `${figure.holds ? 'holds' : 'FALLS SHORT'}: ${figure.claim}: ${figure.measured} (required: ${figure.required})`,
    );
  }
  if (folder !== null) {
    const said = { bench, machine: machine(), date: new Date().toISOString(), figures };
    writeFileSync(join(folder, 'figures.json'), `${JSON.stringify(said, null, 1)}\n`);
  }
  const held = figures.filter((figure) => figure.holds).length;
  console.log(`bench:${bench}: ${held} of ${figures.length} hold`);
  if (held < figures.length || figures.length === 0) process.exitCode = 1;
}
