import type { NvmlLibrary } from './library.js';
import { NO_VALUE_32, NO_VALUE_64, plausible, unsigned64 } from './plausible.js';

/** nvml.h: NVML_POWER_SCOPE_GPU, _MODULE (GPU and CPU of a superchip), _MEMORY. */
const SCOPE = { gpu: 0, module: 1, memory: 2 } as const;
const AVERAGE = 185;
const INSTANT = 186;
const MEMORY_TEMPERATURE = 82;

/** Field and scope of each thing that one call of nvmlDeviceGetFieldValues can tell. */
const FIELDS = {
  instant: [INSTANT, SCOPE.gpu],
  average: [AVERAGE, SCOPE.gpu],
  moduleInstant: [INSTANT, SCOPE.module],
  memoryInstant: [INSTANT, SCOPE.memory],
  memoryTemperature: [MEMORY_TEMPERATURE, 0],
} as const satisfies Record<string, readonly [number, number]>;

export type NvmlField = keyof typeof FIELDS;

/** nvmlFieldValue_t: u32 field, u32 scope, i64 timestamp, i64 latency, i32 type, i32 return, 8 bytes of value. */
const ENTRY = { bytes: 40, scope: 4, type: 24, status: 28, value: 32 };

/** Field values of one device, all of a list by one call. */
export class FieldValues {
  readonly #library: NvmlLibrary;
  readonly #device: unknown;
  /** Where each field stands in the buffers. */
  readonly #at: ReadonlyMap<NvmlField, number>;
  readonly #question: Buffer;
  readonly #answer: Buffer;

  /** Asks for all of `wanted` once and keeps what this device has. */
  static open(library: NvmlLibrary, device: unknown, wanted: readonly NvmlField[]): FieldValues {
    const all = new FieldValues(library, device, wanted);
    const asked = all.refresh();
    return new FieldValues(
      library,
      device,
      wanted.filter((field) => asked && all.value(field) !== null),
    );
  }

  private constructor(library: NvmlLibrary, device: unknown, fields: readonly NvmlField[]) {
    this.#library = library;
    this.#device = device;
    this.#at = new Map(fields.map((field, index) => [field, index * ENTRY.bytes]));
    this.#question = Buffer.alloc(fields.length * ENTRY.bytes);
    this.#answer = Buffer.alloc(fields.length * ENTRY.bytes);
    for (const [field, at] of this.#at) {
      this.#question.writeUInt32LE(FIELDS[field][0], at);
      this.#question.writeUInt32LE(FIELDS[field][1], at + ENTRY.scope);
      // What the driver does not write must not look like what it wrote before.
      this.#question.writeInt32LE(-1, at + ENTRY.status);
    }
  }

  /** @returns true when the device answered for this field when it was opened. */
  has(field: NvmlField): boolean {
    return this.#at.has(field);
  }

  /** Asks the driver again; until then `value` repeats itself. */
  refresh(): boolean {
    if (this.#at.size === 0) return false;
    this.#question.copy(this.#answer);
    return this.#library.call('nvmlDeviceGetFieldValues', this.#device, this.#at.size, this.#answer);
  }

  /** What the last `refresh` brought: each field has its own status, and its own type. */
  value(field: NvmlField): number | null {
    const at = this.#at.get(field);
    if (at === undefined || this.#answer.readInt32LE(at + ENTRY.status) !== 0) return null;
    return typed(this.#answer, at);
  }
}

/** nvmlValueType_t: double, u32, unsigned long, u64, i64, i32. */
function typed(buffer: Buffer, at: number): number | null {
  switch (buffer.readInt32LE(at + ENTRY.type)) {
    case 0:
      return plausible(buffer.readDoubleLE(at + ENTRY.value), NO_VALUE_64);
    case 1:
      return plausible(buffer.readUInt32LE(at + ENTRY.value), NO_VALUE_32);
    case 2:
    case 3:
      return unsigned64(buffer, at + ENTRY.value);
    case 4:
      return plausible(Number(buffer.readBigInt64LE(at + ENTRY.value)), NO_VALUE_64);
    case 5:
      return plausible(buffer.readInt32LE(at + ENTRY.value), NO_VALUE_32);
    default:
      return null;
  }
}
