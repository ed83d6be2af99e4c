import { type FailureError, failed } from '../../../core/errors.js';
import { decodeFloats } from '../../../core/techniques/float-types.js';
import { tokensAtOnce } from '../../../core/work/onnx.js';
import type { Pointer } from '../../native/onnxruntime/api.js';
import type { OrtRuntime } from '../../native/onnxruntime/runtime.js';
import type { Place, Session } from '../../native/onnxruntime/session.js';
import { ELEMENTS, type TensorInfo, tensorBytes } from '../../native/onnxruntime/tensors.js';
import type { Closable, Generator, LoadedFacts, VisitLogits } from '../opened.js';
import { stepByStep } from '../step-by-step.js';
import { type Cache, inPlace, twoSided } from './cache.js';
import { type HostBlock, Integers, Memory } from './memory.js';
import { runFailure } from './reasons.js';
import type { CacheTensor, Signature } from './signature.js';

/** What rows of logits may take together where all of them are looked at. */
const OUTPUT_BYTES = 256 * 2 ** 20;

/** How a graph is driven. */
export interface Driving {
  /** Of the graph's file. */
  readonly path: string;
  readonly signature: Signature;
  readonly sequences: number;
  /** Tokens that each sequence has room for. */
  readonly capacity: number;
  /** Tokens of all sequences in one pass, at most. */
  readonly batch: number;
  /** Whether the graph adds to its cache in place. */
  readonly sharesCache: boolean;
}

/**
 * One input or output whose shape follows from the pass; values over its memory are made once for each size.
 */
interface Slot {
  readonly info: TensorInfo;
  readonly block: HostBlock;
  readonly values: Map<number, Pointer>;
}

/**
 * A decoder in a session: memory of inputs, logits and cache is allocated once, and a pass is one call. All
 * sequences have the same number of tokens at any time.
 */
export class OnnxModel implements Generator {
  readonly facts: LoadedFacts;
  readonly warnings: Closable['warnings'];
  readonly #run: ReturnType<OrtRuntime['api']['bind']>;
  readonly #session: Session;
  readonly #driving: Driving;
  readonly #memory: Memory;
  readonly #cache: Cache | null;
  readonly #inputNames: BigUint64Array;
  readonly #outputNames: BigUint64Array;
  readonly #inputs: BigUint64Array;
  readonly #outputs: BigUint64Array;
  /** Where in `#inputs` each slot and the cache are. */
  readonly #places: readonly { readonly slot: Slot; readonly at: number; readonly size: SizeOf }[];
  readonly #pastAt: readonly number[];
  readonly #ids: Integers;
  readonly #positions: Integers | null;
  readonly #scalars: {
    readonly [N in 'useCache' | 'lastPosition' | 'totalLength' | 'keptLogits']: HostBlock | null;
  };
  /** All tokens so far, sequence by sequence: a graph without a cache is given them with every pass. */
  readonly #history: Int32Array;
  #logits: Slot;
  #logitRows = 0;
  /** Of each sequence, from the last pass. */
  #rows = 0;
  #length = 0;
  #closed = false;
  /** Passes so far. */
  runs = 0;

  constructor(
    runtime: OrtRuntime,
    session: Session,
    driving: Driving,
    facts: (cacheBytes: number) => LoadedFacts,
    warnings: Closable['warnings'],
  ) {
    const { signature, sequences, capacity, sharesCache } = driving;
    const { api } = runtime;
    this.#session = session;
    this.#driving = driving;
    this.#run = api.bind('Run');
    const memory = new Memory(runtime, session);
    this.#memory = memory;
    const tensors = signature.cache;
    const layout = { tensors, place: cachePlace(session, tensors), sequences, capacity };
    const made = sharesCache ? inPlace : twoSided;
    this.#cache = tensors.length === 0 ? null : made(memory, layout);
    this.#history = new Int32Array(sequences * capacity);

    const { keptLogits } = signature;
    // It may be one of those that a graph has a value for, which are given where they are known alone.
    const given = keptLogits === null || session.inputs.includes(keptLogits) ? [] : [keptLogits];
    const order = [...session.inputs, ...given].map(({ name }) => name);
    const places: { slot: Slot; at: number; size: SizeOf }[] = [];
    const add = (info: TensorInfo | null, elements: number, size: SizeOf): HostBlock | null => {
      if (info === null) return null;
      const block = memory.block(tensorBytes(info.type!, [elements]));
      places.push({ slot: { info, block, values: new Map() }, at: order.indexOf(info.name), size });
      return block;
    };
    const tokens = sequences * capacity;
    this.#ids = new Integers(add(signature.ids, tokens, 'tokens')!, signature.ids.type!);
    const positions = add(signature.positions, tokens, 'tokens');
    this.#positions = positions === null ? null : new Integers(positions, signature.positions!.type!);
    const mask = add(signature.mask, tokens, 'all');
    if (mask !== null) fillOnes(mask, signature.mask!, tokens);
    this.#scalars = {
      useCache: add(signature.useCache, 1, 'one'),
      lastPosition: add(signature.lastPosition, sequences, 'sequences'),
      totalLength: add(signature.totalLength, 1, 'one'),
      keptLogits: add(signature.keptLogits, 1, 'one'),
    };
    this.#places = places;
    this.#pastAt = signature.cache.map(({ past }) => order.indexOf(past.name));
    this.#inputNames = api.names(order);
    this.#outputNames = api.names([signature.logits.name, ...tensors.map(({ present }) => present.name)]);
    this.#inputs = new BigUint64Array(order.length);
    this.#outputs = new BigUint64Array(1 + signature.cache.length);
    this.#logits = this.#logitsFor(1);
    this.facts = facts(this.#cache?.bytes ?? 0);
    this.warnings = warnings;
  }

  reset(keepTokens: number): boolean {
    const keep = Math.min(this.#length, Math.max(0, keepTokens));
    const cut = keep === 0 || keep === this.#length || (this.#cache?.cut(this.#length, keep) ?? true);
    this.#length = cut ? keep : 0;
    if (cut) return true;
    const { sequences, capacity } = this.#driving;
    const kept = (_: unknown, s: number) => this.#history.slice(s * capacity, s * capacity + keep);
    this.prefill(Array.from({ length: sequences }, kept));
    return false;
  }

  prefill(tokens: readonly Int32Array[]): void {
    const { batch, sequences } = this.#driving;
    const count = tokens[0]?.length ?? 0;
    const most = tokensAtOnce(batch, sequences);
    for (let start = 0; start < count; start += most) {
      const piece = tokens.map((own) => own.subarray(start, start + most));
      this.#pass(piece, 1);
    }
  }

  steps(tokens: readonly Int32Array[]): Float64Array {
    const rows = Array.from({ length: this.#driving.sequences }, () => new Int32Array(1));
    return stepByStep(tokens, (step) => {
      for (const [s, row] of rows.entries()) row[0] = step[s]!;
      this.#pass(rows, 1);
    });
  }

  /** Appends tokens to the one sequence, and visits the logits of those from `firstWanted` on. */
  evaluate(tokens: Int32Array, firstWanted: number, visit: VisitLogits): void {
    const { batch, signature } = this.#driving;
    const single = !signature.allLogits && signature.keptLogits === null;
    const rows = Math.max(1, Math.floor(OUTPUT_BYTES / (4 * signature.vocabularySize)));
    for (let start = 0; start < tokens.length; ) {
      const silent = Math.max(0, firstWanted - start);
      const most = silent > 0 ? Math.min(batch, silent, rows) : Math.min(batch, single ? 1 : rows);
      const own = tokens.subarray(start, start + most);
      const logits = this.#pass([own], silent > 0 ? 1 : own.length);
      if (silent === 0)
        for (let i = 0; i < own.length; i++) visit(start + i, this.#row(logits, i - own.length));
      start += own.length;
    }
  }

  /** @returns a copy of the logits of the last token of a sequence. */
  lastLogits(sequence: number): Float32Array {
    return this.#row((sequence + 1) * this.#rows, -1).slice();
  }

  get path(): string {
    return this.#driving.path;
  }

  /** Ends the profile that the session writes. @returns its file. */
  endProfile(): string {
    return this.#session.endProfile();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cache?.close();
    for (const { values } of [...this.#places.map(({ slot }) => slot), this.#logits]) {
      for (const value of values.values()) this.#memory.release(value);
    }
    this.#memory.close();
    this.#session.close();
  }

  /**
   * @param tokens of each sequence, equally many.
   * @param wanted rows of logits at the end of each sequence that will be looked at.
   * @returns how many rows there are of each sequence.
   */
  #pass(tokens: readonly Int32Array[], wanted: number): number {
    const { signature, sequences, capacity } = this.#driving;
    const added = tokens[0]!.length;
    const after = this.#length + added;
    if (after > capacity) throw full(added, capacity);
    // Without a cache everything is computed anew.
    const count = this.#cache === null ? after : added;
    const before = after - count;
    for (const [s, own] of tokens.entries()) this.#history.set(own, s * capacity + this.#length);
    for (let s = 0; s < sequences; s++) {
      for (let t = 0; t < count; t++) {
        this.#ids.set(s * count + t, this.#history[s * capacity + before + t]!);
        this.#positions?.set(s * count + t, before + t);
      }
    }
    const { useCache, lastPosition, totalLength, keptLogits } = this.#scalars;
    if (useCache !== null) useCache.bytes[0] = before > 0 ? 1 : 0;
    if (lastPosition !== null) fill(lastPosition, signature.lastPosition!, sequences, after - 1);
    if (totalLength !== null) fill(totalLength, signature.totalLength!, 1, after);
    if (keptLogits !== null) fill(keptLogits, signature.keptLogits!, 1, wanted);
    const rows = keptLogits !== null ? wanted : signature.allLogits ? count : 1;
    const sizes = { tokens: count, all: after, one: 1, sequences, logits: rows };
    for (const { slot, at, size } of this.#places) this.#inputs[at] = this.#valueOf(slot, sizes[size], size);
    this.#outputs[0] = this.#valueOf(this.#logitsFor(rows), rows, 'logits');
    const values = this.#cache?.values(before, count);
    if (values !== undefined) {
      for (const [i, at] of this.#pastAt.entries()) this.#inputs[at] = values.past[i]!;
      this.#outputs.set(values.present, 1);
    }
    const { handle, runOptions } = this.#session;
    const [given, made] = [this.#inputs, this.#outputs];
    try {
      this.#run(
        handle,
        runOptions,
        this.#inputNames,
        given,
        given.length,
        this.#outputNames,
        made.length,
        made,
      );
    } catch (error) {
      throw runFailure(error, `${count} tokens of ${sequences} sequences`);
    }
    this.#cache?.advance();
    this.#length = after;
    this.runs += 1;
    this.#rows = rows;
    return rows;
  }

  #valueOf(slot: Slot, size: number, kind: SizeOf): Pointer {
    const known = slot.values.get(size);
    if (known !== undefined) return known;
    const made = this.#memory.value(slot.block, slot.info.type!, this.#shapeOf(slot.info, size, kind));
    slot.values.set(size, made);
    return made;
  }

  #shapeOf({ shape }: TensorInfo, size: number, kind: SizeOf): number[] {
    const { sequences, signature } = this.#driving;
    switch (kind) {
      case 'logits':
        return [...(shape.length === 3 ? [sequences, size] : [sequences]), signature.vocabularySize];
      case 'one':
      case 'sequences':
        return shape.map((own) => (typeof own === 'number' ? own : size));
      default:
        return [sequences, size];
    }
  }

  /** Grows with the longest pass so far. */
  #logitsFor(rows: number): Slot {
    if (rows <= this.#logitRows) return this.#logits;
    const { signature, sequences } = this.#driving;
    const { logits, vocabularySize } = signature;
    if (this.#logitRows > 0) for (const value of this.#logits.values.values()) this.#memory.release(value);
    const block = this.#memory.block(tensorBytes(logits.type!, [sequences, rows, vocabularySize]));
    this.#logitRows = rows;
    this.#logits = { info: logits, block, values: new Map() };
    return this.#logits;
  }

  /** @param at counted from the end of the rows. */
  #row(rows: number, at: number): Float32Array {
    const { logits, vocabularySize: width } = this.#driving.signature;
    const bytes = (width * ELEMENTS[logits.type!]!.bits) / 8;
    const start = (rows + at) * bytes;
    const row = this.#logits.block.bytes.subarray(start, start + bytes);
    const name = ELEMENTS[logits.type!]!.name;
    if (name === 'float32') return new Float32Array(row.buffer, row.byteOffset, width);
    if (name === 'float16' || name === 'bfloat16')
      return decodeFloats(row, name === 'float16' ? 'f16' : 'bf16');
    throw failed('model-unsupported', `The logits are ${name}, and floats are read.`);
  }
}

/** What the open size of an input follows. */
type SizeOf = 'tokens' | 'all' | 'one' | 'sequences' | 'logits';

function fill(block: HostBlock, { type }: TensorInfo, count: number, value: number): void {
  const integers = new Integers(block, type!);
  for (let i = 0; i < count; i++) integers.set(i, value);
}

/** Every token is one: nothing is padded. */
function fillOnes(block: HostBlock, info: TensorInfo, count: number): void {
  const name = ELEMENTS[info.type!]?.name;
  if (name === 'float32') new Float32Array(block.bytes.buffer, block.bytes.byteOffset, count).fill(1);
  else if (name === 'bool') block.bytes.fill(1);
  else fill(block, info, count, 1);
}

/**
 * @returns where keys and values come out and go in without being copied; memory of the CPU where those are
 *   two.
 */
export function cachePlace(
  { inputs, outputs, places }: Session,
  cache: readonly CacheTensor[],
): Place | null {
  const used = cache.flatMap(({ past, present }) => [
    places.inputs[inputs.indexOf(past)],
    places.outputs[outputs.indexOf(present)],
  ]);
  const [first] = used;
  return first !== undefined && used.every((place) => place?.name === first.name) ? first : null;
}

function full(tokens: number, capacity: number): FailureError {
  return failed('run-failed', `${tokens} more tokens do not fit into the cache of ${capacity}`);
}
