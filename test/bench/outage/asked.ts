import { type Finished, type Options, type Running, startRidge } from '../../support/ridge.js';

/** What a command said of an outage, and how it ended. */
export interface Told {
  readonly command: string;
  /**
   * Seconds from its start, or from the beginning of the outage if that came later, to the first sentence
   * about it; null = there was none.
   */
  readonly saidSeconds: number | null;
  readonly said: string;
  readonly endedSeconds: number;
  readonly code: number | null;
  /** The last line that it wrote for people. */
  readonly last: string;
  readonly stderr: string;
}

/** Sentences about a coordinator that cannot be asked, of this release and of those before. */
const ABOUT_IT =
  /waiting for the coordinator|cannot answer now|no coordinator answers|cannot be used|leads at this/;

/** Starts a command, and listens to it. */
export class AskedCommand {
  readonly command: string;
  readonly ended: Promise<Told>;
  /** Resolves when it has said something about the outage, or has ended. */
  readonly heard: Promise<void>;
  #hear!: () => void;
  readonly #began = performance.now();
  readonly #running: Running;
  #outage: number | null = null;
  #said: { readonly at: number; readonly line: string } | null = null;

  /** @param at the coordinators' addresses. */
  constructor(words: readonly string[], at: string, options: Options = {}) {
    this.command = words.join(' ');
    this.heard = new Promise((resolve) => {
      this.#hear = resolve;
    });
    const running = startRidge([...words, '-c', at], options);
    this.#running = running;
    running.process.stderr!.on('data', () => this.#listen(running.stderr()));
    this.ended = running.ended.then((finished) => this.#told(finished)).finally(() => this.#hear());
  }

  /** The outage begins now: what the command says from here on counts. */
  outageBegins(): void {
    this.#outage = performance.now();
  }

  terminate(): void {
    this.#running.process.kill('SIGTERM');
  }

  #listen(stderr: string): void {
    const line = stderr.split('\n').find((one) => ABOUT_IT.test(one));
    if (line === undefined) return;
    this.#said ??= { at: performance.now(), line };
    this.#hear();
  }

  #told({ code, stderr }: Finished): Told {
    const since = this.#outage ?? this.#began;
    this.#listen(stderr);
    return {
      command: this.command,
      saidSeconds: this.#said === null ? null : (this.#said.at - since) / 1000,
      said: this.#said?.line ?? '',
      endedSeconds: (performance.now() - since) / 1000,
      code,
      last: stderr.trimEnd().split('\n').at(-1)?.trim() ?? '',
      stderr,
    };
  }
}

/** Prints what each command said, and when. */
export function printTold(title: string, told: readonly Told[]): void {
  console.log(`\n${title}`);
  const cells = told.map((one) => [
    one.command,
    one.saidSeconds === null ? 'never' : `${one.saidSeconds.toFixed(1)} s`,
    one.said,
    `${one.endedSeconds.toFixed(1)} s`,
    String(one.code),
    one.last,
  ]);
  console.log('| command | said after | what | ended after | exit code | last line |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const row of cells) console.log(`| ${row.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`);
}
