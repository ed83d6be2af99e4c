import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/** What a program of nobody's trust may use. */
export interface SandboxLimits {
  /** Of the clock; of each process's CPU, too. */
  readonly seconds: number;
  /** Addresses of each process, and what it may write in its /tmp. */
  readonly memoryBytes: number;
  readonly processes: number;
  /** Of standard output and of standard error, each. */
  readonly outputBytes: number;
}

export interface SandboxedProgram {
  /** What runs it, whole paths first: `[/usr/bin/python3, -I]`. The program's file is the last word. */
  readonly interpreter: readonly string[];
  readonly program: string;
  /** Files and folders that it may read, beside the system's programs and libraries. */
  readonly readable: readonly string[];
  readonly limits: SandboxLimits;
  /** What it may speak with over its descriptor 3; left out = nothing. */
  readonly channel?: Duplex;
}

/** How a program ended. */
export interface SandboxEnding {
  readonly ended: 'exited' | 'timed-out' | 'too-much-output';
  /** null = it was killed. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where programs and their libraries are on every Linux; those that are links stay links. */
const PROGRAMS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const SYSTEM = [...PROGRAMS, '/etc/ld.so.cache', '/etc/alternatives'];
const DEVICES = ['/dev/null', '/dev/zero', '/dev/urandom', '/dev/random'];
/** A program that waits for the clock ends in here; this process waits a little longer. */
const GRACE_SECONDS = 5;

/**
 * Makes the room, as the first process of it: a root in memory with nothing but what is named, read-only; the
 * old root is let go, so that there is no way back to it. What then runs has no capability, can get none, and
 * makes no further namespaces. When this first process ends, the kernel ends all that is left.
 */
const ROOM = `
set -e
mark=$1; root=$2; bytes=$3; seconds=$4; processes=$5; shift 5
trap 'echo "$mark" >&2' EXIT
echo 1000 > /proc/self/oom_score_adj 2>/dev/null || true
echo 0 > /proc/sys/user/max_user_namespaces 2>/dev/null || true
mount -t tmpfs -o size="$bytes",nr_inodes=4096,mode=755 tmpfs "$root"
cd "$root"
mkdir tmp old
# umount reads it.
ln -s old/proc proc
while [ "$1" != -- ]; do
  if [ -L "$1" ]; then mkdir -p ".$(dirname "$1")"; ln -s "$(readlink "$1")" ".$1"
  elif [ -d "$1" ]; then mkdir -p ".$1"; mount --rbind "$1" ".$1"; mount -o remount,bind,ro,nosuid ".$1"
  else mkdir -p ".$(dirname "$1")"; : > ".$1"; mount --bind "$1" ".$1"; fi
  shift
done
shift
cat > tmp/program
pivot_root . old
cd /tmp
umount -l /old
rmdir /old
rm /proc
trap - EXIT
set +e
unset OLDPWD mark root
timeout -s KILL "$seconds" setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \\
  prlimit --cpu="$seconds" --as="$bytes" --nproc="$processes" --fsize="$bytes" --nofile=64 --core=0 -- "$@" /tmp/program < /dev/null
`;

/** Nobody: the kernel holds root to no number of processes. */
const NOBODY = 65_534;

/**
 * Runs a program where it can do no harm: without a network, in a file system of its own that is gone with
 * it, without the environment, with bounds on time, memory, processes and output. By namespaces of Linux
 * (unshare, pivot_root, setpriv and prlimit of util-linux). The kernel itself is what it may attack: its
 * calls are not filtered.
 * @param signal ends it early.
 * @throws Error where the room cannot be made, with the reason; `sandboxProblem` asks before.
 */
export async function runSandboxed(
  { interpreter, program, readable, limits, channel }: SandboxedProgram,
  signal?: AbortSignal,
): Promise<SandboxEnding> {
  const asRoot = process.getuid?.() === 0;
  const root = mkdtempSync(join(tmpdir(), 'ridgepoint-sandbox-'));
  // What the script says where the room could not be made; no program can know it.
  const mark = randomUUID();
  const seen = [...SYSTEM, ...DEVICES, ...readable].filter((path) => existsSync(path));
  const bounds = [limits.memoryBytes, limits.seconds, limits.processes];
  const numbers = bounds.map((value) => String(Math.ceil(value)));
  const unshared = ['--user', '--map-root-user', '--mount', '--net', '--pid', '--ipc', '--uts', '--cgroup'];
  const room = ['/bin/sh', '-c', ROOM, 'sandbox', mark, root, ...numbers];
  const args = [...unshared, '--fork', '--kill-child=SIGKILL', ...room];
  try {
    const child = spawn('unshare', [...args, ...seen, '--', ...interpreter], {
      stdio: ['pipe', 'pipe', 'pipe', ...(channel === undefined ? [] : ['pipe' as const])],
      cwd: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/tmp', LANG: 'C.UTF-8' },
      // Its mount point is its own there.
      ...(asRoot && { uid: NOBODY, gid: NOBODY }),
      ...(signal !== undefined && { signal, killSignal: 'SIGKILL' }),
    });
    if (channel !== undefined) connectChannel(child, channel);
    const ending = await endingOf(child, program, limits);
    if (ending.stderr.includes(mark)) throw new Error(reasonIn(ending.stderr, mark));
    return ending;
  } finally {
    rmdirSync(root);
  }
}

function endingOf(
  child: ChildProcess,
  program: string,
  { seconds, outputBytes }: SandboxLimits,
): Promise<SandboxEnding> {
  return new Promise((resolve, reject) => {
    let ended: SandboxEnding['ended'] = 'exited';
    const end = (why: SandboxEnding['ended']) => {
      ended = why;
      child.kill('SIGKILL');
    };
    const began = performance.now();
    const clock = setTimeout(() => end('timed-out'), (seconds + GRACE_SECONDS) * 1000);
    const texts = [child.stdout!, child.stderr!].map((stream) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      stream.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes <= outputBytes) pieces.push(piece);
        else if (ended === 'exited') end('too-much-output');
      });
      return () => Buffer.concat(pieces).toString('utf8');
    });
    let failed: Error | null = null;
    child.on('error', (error) => {
      clearTimeout(clock);
      failed = error;
      // One that was started and is ended early has gone when its pipes are closed.
      if (child.pid === undefined) reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(clock);
      if (failed !== null) return reject(failed);
      const late = (performance.now() - began) / 1000 >= seconds;
      const [stdout, stderr] = texts.map((text) => text());
      const killed = code === null || code === 124 || code === 137;
      resolve({
        ended: ended === 'exited' && killed && late ? 'timed-out' : ended,
        exitCode: killed ? null : code,
        stdout: stdout!,
        stderr: stderr!,
      });
    });
    // One that ends before it has read everything closes its end.
    child.stdin!.on('error', () => {});
    child.stdin!.end(program);
  });
}

/** Lets a program speak over a channel for as long as it runs. */
function connectChannel(child: ChildProcess, channel: Duplex): void {
  const end = child.stdio[3] as Duplex;
  // Whoever writes to a program that has ended learns of that by its exit.
  for (const one of [end, channel]) one.on('error', () => {});
  end.pipe(channel).pipe(end);
  // Unread words would keep its pipes open, and nobody waits for them.
  child.once('exit', () => {
    end.destroy();
    channel.end();
  });
}

/** The line before ours. */
function reasonIn(stderr: string, mark: string): string {
  const lines = stderr.split('\n').filter((line) => line !== '' && line !== mark);
  return lines.at(-1) ?? 'its namespaces were refused';
}

let asked: Promise<string | null> | null = null;

/**
 * @returns why no program can be run so on this system, a sentence; null = it can. Found out once, by doing
 *   it.
 */
export function sandboxProblem(): Promise<string | null> {
  asked ??= (async () => {
    if (process.platform !== 'linux') return 'programs are run in namespaces, which Linux alone has';
    const limits = { seconds: 10, memoryBytes: 2 ** 26, processes: 16, outputBytes: 4096 };
    const request = { interpreter: ['/bin/sh'], program: 'exit 7', readable: [], limits };
    try {
      const { exitCode, stderr } = await runSandboxed(request);
      if (exitCode === 7) return null;
      return sentence(stderr.trim().split('\n').at(-1) || `it ended with ${exitCode}`);
    } catch (error) {
      return sentence((error as Error).message);
    }
  })();
  return asked;
}

const sentence = (why: string) =>
  `this system does not let an ordinary user make namespaces, or lacks util-linux (unshare, pivot_root, setpriv, prlimit): ${why}`;
