import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
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

/** What a minimal system has, beside Node.js and npm. */
export const MINIMAL_TOOLS = ['sh', 'tar', 'gzip', 'uname', 'env', 'cat', 'ldd', 'getconf'];

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

/**
 * Node.js as the registry has it.
 * @param folder gets the archive, and `node` with what is in it
 * @param major its release
 * @returns the folder where it lies
 */
export function fetchNode(folder: string, major: number): string {
  const place = join(folder, 'node');
  mkdirSync(place);
  const name = `node-${process.platform}-${process.arch}@${major}`;
  const archive = must('npm', ['pack', '--silent', name], folder);
  must('tar', ['-xzf', join(folder, archive), '-C', place, '--strip-components=1'], folder);
  return place;
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
  const env = { ...route(), ...homeIn(folder), TMPDIR: dirname(folder), PATH: bin };
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

/** Who enters an empty root. */
export interface Visitor {
  /** A folder of the root, which is also the home of npm's cache; / where null. */
  readonly home?: string;
  /** `uid:gid` as chroot's --userspec takes it; root where absent. */
  readonly user?: string;
}

/**
 * Makes a root folder with nothing in it but these programs, the libraries that they are linked to, npm and
 * certificates.
 *
 * @param node where a Node.js was unpacked
 */
export function makeEmptyRoot(root: string, node: string, programs: readonly string[]): void {
  const bin = join(root, 'bin');
  for (const path of ['bin', 'usr/lib', 'etc', 'proc', 'sys', 'dev', 'tmp'])
    mkdirSync(join(root, path), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
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
}

/** Whether this process may enter another root: make a namespace of mounts, and chroot. */
export const mayEnterRoots = (): boolean =>
  spawnSync('unshare', ['--mount', 'chroot', '/', 'true']).status === 0;

/**
 * A root folder, entered by chroot in a namespace of mounts. What lies beside it (`dirname(root)`) is seen
 * there under its own path.
 */
export function machineIn(root: string, { home = '/', user }: Visitor = {}): Machine {
  const beside = dirname(root);
  mkdirSync(join(root, beside), { recursive: true });
  const env = { ...route(), ...homeIn(home), TMPDIR: '/tmp' };
  const identity = user === undefined ? '' : `--userspec=${user} `;
  // Every shell is replaced by what it starts, so that a signal reaches the command.
  const enter = [
    'for d in proc sys dev; do mount --rbind /$d "$0/$d"; done',
    `mount --bind "${beside}" "$0${beside}"`,
    `exec chroot ${identity}"$0" /bin/sh -c 'PATH=/bin; export PATH; cd "$0" && exec "$@"' "$@"`,
  ].join(' && ');
  return machine(
    'an empty root',
    (program) => existsSync(join(root, 'bin', program)),
    (command, args, cwd) => ({
      file: 'unshare',
      args: ['--mount', 'sh', '-c', enter, root, cwd, command, ...args],
      env: { ...env, PATH: process.env.PATH },
    }),
  );
}

const homeIn = (folder: string) => ({ HOME: folder, npm_config_cache: join(folder, 'npm-cache') });

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
