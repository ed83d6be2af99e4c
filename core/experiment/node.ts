/** What a node says of itself when it registers: enough to place, to predict memory and to compare. */
export interface DeviceProfile {
  /** Stable on the node: `cpu0`, `GPU-<uuid>`. */
  readonly id: string;
  /** Classes it answers to, most general first: `['cuda', 'cuda:h100']`, `['cpu', 'cpu:x86_64']`. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly memoryBytes: number;
  /** Logical CPUs that belong to it (affinity of its trials). */
  readonly cpus: readonly number[];
}

/** That the ceilings of a device were measured; its records carry them. */
export interface DeviceRoofs {
  readonly id: string;
  readonly measuredAt: string;
  /** How many warnings and caveats the measurement has. */
  readonly caveats: number;
}

/** What a setting may be, both ends included, in the unit of its name. */
export interface SettableRange {
  readonly least: number;
  readonly most: number;
}

/** What the node's power helper can set on a device: a range, or why not. */
export interface DeviceSettable {
  readonly powerCapWatts: SettableRange | string;
  readonly lockedClockHertz: SettableRange | string;
}

/** What one runner on a node can do right now. */
export interface RunnerProfile {
  readonly kind: string;
  /** Engine release, e.g. `llama.cpp v0.4.0`; part of every result. */
  readonly release: string;
  /** Device classes whose backend really loads. */
  readonly devices: readonly string[];
  /** Values of the option `cpuBackend` that exist here: `shipped`, `native`. */
  readonly variants: readonly string[];
  /** Of each variant that is a server, its own; left out by runners that are no servers. */
  readonly releases?: Readonly<Record<string, string>> | undefined;
}

/** The label of a node that is there for one sweep alone; its value is the sweep's id. */
export const SWEEP_LABEL = 'ridgepoint.dev/sweep';

export interface NodeProfile {
  readonly name: string;
  readonly hostname: string;
  readonly os: string;
  readonly architecture: string;
  readonly cpuModel: string;
  readonly cpuFeatures: readonly string[];
  readonly cores: number;
  /** Memory a trial may use: the smaller of the machine's and the cgroup's limit. */
  readonly memoryBytes: number;
  readonly devices: readonly DeviceProfile[];
  readonly runners: readonly RunnerProfile[];
  /** Energy sources found, e.g. `rapl:package-0`; empty with the reason in `absent.energy`. */
  readonly energySources: readonly string[];
  readonly absent: Readonly<Record<string, string>>;
  /** By device. */
  readonly roofs: Readonly<Record<string, DeviceRoofs>>;
  /** By device; left out where the operator has turned no power helper on. */
  readonly settable?: Readonly<Record<string, DeviceSettable>> | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
}
