import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { findEngine } from '../../engines/native/packages.js';
import { ROOT } from './ridge.js';

/**
 * A libllama that does what the installed one does, and computes for a share of each llama_decode longer. It
 * stands before the real library, which is loaded under its own name and answers for every other function.
 */
const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <time.h>
typedef struct { int32_t n_tokens; void *token, *embd, *pos, *n_seq_id, *seq_id, *logits; } batch;
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
int32_t llama_decode(void *context, batch given) {
  static int32_t (*decode)(void *, batch);
  static void (*synchronize)(void *);
  if (!decode) {
    decode = (int32_t (*)(void *, batch))dlsym(RTLD_NEXT, "llama_decode");
    synchronize = (void (*)(void *))dlsym(RTLD_NEXT, "llama_synchronize");
    void *real = dlopen(REAL, RTLD_NOW | RTLD_NOLOAD);
    if (real) decode = (int32_t (*)(void *, batch))dlsym(real, "llama_decode"), synchronize = (void (*)(void *))dlsym(real, "llama_synchronize");
  }
  double begun = now();
  int32_t code = decode(context, given);
  synchronize(context);
  double end = now() + SLOWER * (now() - begun);
  while (now() < end);
  return code;
}
`;

/**
 * An installation of this build with an engine that takes `share` longer for all that it computes (0.25 = 25
 * %), as a slower build of it would. Made once per share. Linux with a C compiler.
 * @returns its `dist/cli/main.js`.
 */
export function slowed(share: number, folder: string): string {
  const home = join(folder, `slowed-${share}`);
  const program = join(home, 'dist/cli/main.js');
  if (existsSync(program)) return program;
  const draft = `${home}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(join(draft, 'node_modules'), { recursive: true });
  const { folder: engine, release } = findEngine();
  const core = realpathSync(join(engine, '../..'));
  const scope = dirname(core);
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (join(ROOT, 'node_modules', name) !== scope)
      symlinkSync(join(ROOT, 'node_modules', name), join(draft, 'node_modules', name));
  const copied = join(draft, 'node_modules', relative(join(ROOT, 'node_modules'), core));
  cpSync(core, copied, { recursive: true });
  slowDown(join(copied, relative(core, engine)), `libllama.${release}.so`, share);
  for (const name of readdirSync(ROOT))
    if (!['node_modules', 'dist', 'ridge-out'].includes(name) && !name.startsWith('.'))
      symlinkSync(join(ROOT, name), join(draft, name));
  rmSync(join(draft, 'package.json'));
  cpSync(join(ROOT, 'package.json'), join(draft, 'package.json'));
  // Modules are found beside the real file, so the code is copied.
  cpSync(join(ROOT, 'dist'), join(draft, 'dist'), { recursive: true });
  renameSync(draft, home);
  return program;
}

/** @returns the folder of that engine alone, as RIDGE_LLAMA_CPP takes it. */
export function slowedEngine(share: number, folder: string): string {
  slowed(share, folder);
  const engine = relative(join(ROOT, 'node_modules'), realpathSync(findEngine().folder));
  return join(folder, `slowed-${share}`, 'node_modules', engine);
}

function slowDown(engine: string, library: string, share: number): void {
  const real = join(engine, 'real');
  mkdirSync(real);
  renameSync(join(engine, library), join(real, library));
  // What it needs is found beside it, and is the same files as before.
  for (const name of readdirSync(engine))
    if (name.endsWith('.so')) symlinkSync(join('..', name), join(real, name));
  const source = join(engine, 'slowed.c');
  writeFileSync(source, SOURCE);
  const flags = ['-O1', '-shared', '-fPIC', `-DSLOWER=${share}`, `-DREAL="${library}"`];
  const linked = ['-Wl,--no-as-needed', `-L${real}`, `-l:${library}`, '-Wl,-rpath,$ORIGIN/real', '-ldl'];
  const output = ['-Wl,-soname,libllama-slowed.so', '-o', join(engine, library)];
  execFileSync('cc', [...flags, source, ...linked, ...output]);
  rmSync(source);
}
