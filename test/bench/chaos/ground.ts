import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where a member of the fleet is: an address of its own, and where this machine allows it a network and a
 * disk of its own.
 */
export interface Place {
  readonly name: string;
  readonly ip: string;
  /** Its disk. */
  readonly disk: string;
}

export interface Asked {
  readonly name: string;
  /** Size of its disk; null = it needs none that could be full. */
  readonly diskBytes: number | null;
}

/** Debian's package libfaketime has it here; a copy elsewhere is named by RIDGEPOINT_FAKETIME. */
const FAKETIME = [
  process.env.RIDGEPOINT_FAKETIME ?? '',
  `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`,
].find((path) => path !== '' && existsSync(path));

/** Nobody has this hardware address: what is sent there is gone without a word. */
const NOBODY = '02:de:ad:00:00:01';
const NETWORK = '127.77.0';

/**
 * Puts the bench itself into namespaces of its own: with its last process all processes, networks and disks
 * in them are gone.
 */
export const OWN_NAMESPACES = [
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
];

/** True where such namespaces, and networks in them, can be made. */
export function hasNamespaces(): boolean {
  const [program = '', ...words] = OWN_NAMESPACES;
  return spawnSync(program, [...words, 'sh', '-c', `${PREPARE} && ip netns add a`]).status === 0;
}

// Plain text is spoken on loopback only, so that the fleet's network is a part of loopback that is taken from
// the interface `lo`.
const LOOPBACK = [
  'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet',
  'echo 1 > /proc/sys/net/ipv4/conf/default/route_localnet',
  'ip link set lo up',
  // Where a seed before has done so, it is done.
  '{ ip route del local 127.0.0.0/8 dev lo table local 2>/dev/null || true; }',
  '{ ip addr flush dev lo scope host; ip addr add 127.0.0.1/32 dev lo; }',
].join(' && ');
const PREPARE = `mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ${LOOPBACK} && ip link add br0 type bridge && ip addr add ${NETWORK}.1/24 dev br0 && ip link set br0 up`;

/** What the fleet stands on: networks that can be cut, disks that can be full, clocks that can jump. */
export class Ground {
  readonly places: readonly Place[];
  /** Sentences: which faults this machine does not allow. */
  readonly missing: readonly string[];
  readonly #networks: boolean;
  readonly #folder: string;
  readonly #children = new Set<ChildProcess>();
  readonly #ends: (() => Promise<void>)[] = [];

  /** @param networks whether the bench runs in namespaces of its own */
  constructor(asked: readonly Asked[], folder: string, networks: boolean) {
    this.#networks = networks;
    this.#folder = folder;
    // PostgreSQL runs as a user of its own.
    chmodSync(folder, 0o755);
    this.places = asked.map(({ name, diskBytes }, index) => {
      const disk = join(folder, name);
      mkdirSync(disk, { recursive: true });
      if (networks && diskBytes !== null)
        shell(`mount -t tmpfs -o size=${diskBytes},mode=777 tmpfs '${disk}'`);
      writeFileSync(this.#clockOf(name), '+0\n');
      return { name, ip: `${NETWORK}.${index + 2}`, disk };
    });
    if (networks) shell([PREPARE, ...this.places.map((place, index) => connect(place, index))].join(' && '));
    const left = 'they are left out';
    this.missing = [
      ...(networks
        ? []
        : [`Partitions and full disks need namespaces (\`unshare\`, \`ip netns\`, as root): ${left}.`]),
      ...(FAKETIME === undefined
        ? [`Clock jumps need libfaketime (Debian: libfaketime; elsewhere RIDGEPOINT_FAKETIME=FILE): ${left}.`]
        : []),
    ];
  }

  get canCut(): boolean {
    return this.#networks;
  }

  get canFill(): boolean {
    return this.#networks;
  }

  get canJump(): boolean {
    return FAKETIME !== undefined;
  }

  /** Starts a program there; the process is the program itself. @param user that it runs as */
  spawn(
    { name }: Place,
    command: readonly string[],
    more: { user?: string | null; clock?: boolean; stderr?: 'pipe' | 'ignore' | 'inherit' } = {},
  ): ChildProcess {
    const inside = this.#networks ? ['ip', 'netns', 'exec', name] : [];
    const as = more.user ? ['setpriv', `--reuid=${more.user}`, `--regid=${more.user}`, '--clear-groups'] : [];
    const faked = more.clock === true && FAKETIME !== undefined;
    const clock = faked
      ? [
          'env',
          `LD_PRELOAD=${FAKETIME}`,
          `FAKETIME_TIMESTAMP_FILE=${this.#clockOf(name)}`,
          // Clocks that only ever go on are not moved when somebody sets the time.
          ...['FAKETIME_DONT_FAKE_MONOTONIC=1', 'FAKETIME_CACHE_DURATION=1'],
        ]
      : [];
    const [program = '', ...words] = [...inside, ...as, ...clock, ...command];
    // A group of its own: whoever interrupts the bench interrupts the bench alone, which ends what it
    // started.
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', more.stderr ?? 'ignore'],
      detached: true,
      cwd: this.#folder,
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Nothing gets from one to the other, and nobody is told. */
  cut(one: Place, others: readonly Place[]): void {
    for (const other of others) {
      this.#address(one, `replace ${other.ip} lladdr ${NOBODY} nud permanent dev eth0`);
      this.#address(other, `replace ${one.ip} lladdr ${NOBODY} nud permanent dev eth0`);
    }
  }

  mend(one: Place, others: readonly Place[]): void {
    for (const other of others) {
      this.#address(one, `del ${other.ip} dev eth0`);
      this.#address(other, `del ${one.ip} dev eth0`);
    }
  }

  /** Its cable is pulled, or plugged in again. */
  unplug(place: Place, plugged: boolean): void {
    shell(`ip link set v${this.places.indexOf(place)} ${plugged ? 'up' : 'down'}`);
  }

  /** Takes all that is free on its disk. */
  fill({ disk }: Place): void {
    const { bavail, bsize } = statfsSync(disk);
    spawnSync('fallocate', ['-l', String(Math.max(1, bavail * bsize)), join(disk, 'ballast')]);
  }

  free({ disk }: Place): void {
    rmSync(join(disk, 'ballast'), { force: true });
  }

  /** Its wall clock is that far from the right time from now on. */
  jump({ name }: Place, seconds: number): void {
    writeFileSync(this.#clockOf(name), `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  /** Told when all is over: whoever starts processes again starts none from then on. */
  endsWith(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** Ends all that was started here, and takes the disks away. */
  async stop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
    const left = [...this.#children];
    const gone = left.map((child) => once(child, 'exit'));
    for (const child of left) signalAll(child, 'SIGKILL');
    await Promise.all(gone);
    if (!this.#networks) return;
    for (const { disk, name } of this.places) {
      spawnSync('umount', [disk]);
      spawnSync('ip', ['netns', 'del', name]);
    }
    spawnSync('ip', ['link', 'del', 'br0']);
    spawnSync('umount', ['/run/netns']);
  }

  #address({ name }: Place, words: string): void {
    spawnSync('ip', ['-n', name, 'neigh', ...words.split(' ')]);
  }

  #clockOf(name: string): string {
    return join(this.#folder, `${name}.clock`);
  }
}

/** @returns the command that gives a place its network: an interface on the bridge that all share. */
function connect({ name, ip }: Place, index: number): string {
  return [
    `ip netns add ${name}`,
    `ip netns exec ${name} sh -c '${LOOPBACK}'`,
    `ip link add v${index} type veth peer name eth0 netns ${name}`,
    `ip link set v${index} master br0 up`,
    `ip -n ${name} addr add ${ip}/24 dev eth0`,
    `ip -n ${name} link set eth0 up`,
  ].join(' && ');
}

/**
 * Signals a process and all that it started: children of PostgreSQL have groups of their own. Also when it is
 * gone already.
 */
export function signalAll({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  for (const one of [pid, ...descendantsOf(pid)]) {
    try {
      process.kill(one, signal);
    } catch {
      // It has just ended.
    }
  }
}

function descendantsOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    if (children === '') return [];
    return children.split(' ').flatMap((child) => [Number(child), ...descendantsOf(Number(child))]);
  } catch {
    return [];
  }
}

function shell(script: string): void {
  const { status, stderr } = spawnSync('sh', ['-e', '-c', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script.slice(0, 200)}: ${stderr}`);
}
