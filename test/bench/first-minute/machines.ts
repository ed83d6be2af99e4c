import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Somewhere that has never seen Ridgepoint: of the caller's environment nothing is in it but the way to the
 * registry.
 */
export interface Machine {
  /** What else it has of the system, for people. */
  readonly what: string;
  /** Whether it has a program of this name. */
  has(program: string): boolean;
  /** @returns what starts a command there; `node` and `npm` are always there. */
  command(
    command: string,
    args: readonly string[],
    cwd: string,
  ): { file: string; args: string[]; env: NodeJS.ProcessEnv };
  run(command: string, args: readonly string[], cwd: string): SpawnSyncReturns<string> & { seconds: number };
}

/** Variables that say how the network is reached. */
const ROUTE =
  /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|npm_config_(registry|cafile))$/i;
/** What programs look up: names of hosts and users, certificates. */
const ETC = ['resolv.conf', 'hosts', 'nsswitch.conf', 'passwd', 'group', 'ssl'];

export function must(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} ended with ${status}`);
  return stdout.trim();
}

const found = (program: string): string | null => {
  const path = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
  return path.startsWith('/') ? path : null;
};
const route = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => ROUTE.test(name)));

/**
 * This system under a home and a PATH of its own.
 * @param folder is made; holds its home, its PATH and its caches
 * @param node where a Node.js was unpacked
 */
export function barePath(folder: string, node: string, programs: readonly string[]): Machine {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const program of programs) {
    const path = found(program);
    if (path !== null) symlinkSync(path, join(bin, program));
  }
  symlinkSync(join(node, 'bin/node'), join(bin, 'node'));
  symlinkSync(realpathSync(found('npm')!), join(bin, 'npm'));
  const env = { ...route(), ...homeIn(folder), PATH: bin };
  return machine(
    'a PATH of its own',
    (program) => existsSync(join(bin, program)),
    (command, args) => ({
      file: join(bin, command),
      args: [...args],
      env,
    }),
  );
}

/**
 * A root folder with nothing in it but these programs, the libraries that they are linked to, npm and
 * certificates, entered by chroot in a namespace of mounts. What lies beside it (`dirname(root)`) is seen
 * under its own path.
 * @returns null where this process may make no namespace.
 */
export function emptyRoot(root: string, node: string, programs: readonly string[]): Machine | null {
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return null;
  const beside = dirname(root);
  const bin = join(root, 'bin');
  for (const path of ['bin', 'usr/lib', 'etc', 'proc', 'sys', 'dev', 'tmp', beside])
    mkdirSync(join(root, path), { recursive: true });
  symlinkSync('../bin', join(root, 'usr/bin'));
  const take = (path: string, to = path) =>
    cpSync(realpathSync(path), join(root, to), { recursive: true, dereference: true });
  for (const [program, path] of [
    ['node', join(node, 'bin/node')] as const,
    ...programs.map((name) => [name, found(name)] as const),
  ]) {
    if (path === null) continue;
    take(path, join('bin', program));
    for (const library of librariesOf(path)) if (!existsSync(join(root, library))) take(library);
  }
  for (const name of ETC) if (existsSync(join('/etc', name))) take(join('/etc', name));
  const npm = realpathSync(found('npm')!);
  take(join(dirname(npm), '..'), 'usr/lib/npm');
  symlinkSync('../usr/lib/npm/bin/npm-cli.js', join(bin, 'npm'));
  const env = { ...route(), ...homeIn(root) };
  // Every shell is replaced by what it starts, so that a signal reaches the command.
  const enter = [
    'for d in proc sys dev; do mount --rbind /$d "$0/$d"; done',
    `mount --bind "${beside}" "$0${beside}"`,
    `exec chroot "$0" /bin/sh -c 'PATH=/bin; export PATH; cd "$0"; exec "$@"' "$@"`,
  ].join(' && ');
  return machine(
    'an empty root',
    (program) => existsSync(join(bin, program)),
    (command, args, cwd) => ({
      file: 'unshare',
      args: ['--mount', 'sh', '-c', enter, root, cwd, command, ...args],
      env: { ...env, PATH: process.env.PATH },
    }),
  );
}

const homeIn = (folder: string) => ({
  HOME: folder,
  npm_config_cache: join(folder, 'npm-cache'),
  TMPDIR: dirname(folder),
});

/** @returns the files of shared libraries that a program is linked to, its loader among them. */
function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
}

function machine(what: string, has: Machine['has'], command: Machine['command']): Machine {
  return {
    what,
    has,
    command,
    run(name, args, cwd) {
      const { file, args: all, env } = command(name, args, cwd);
      const begin = performance.now();
      const ended = spawnSync(file, all, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
      process.stderr.write(ended.stderr);
      return { ...ended, seconds: (performance.now() - begin) / 1000 };
    },
  };
}
