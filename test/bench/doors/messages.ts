import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import type { Lease } from '../../../core/experiment/lease.js';
import type { NodeProfile } from '../../../core/experiment/node.js';
import { METHODS } from '../../../proto/limits.js';
import { aRecord } from '../../support/wire-records.js';

/** A field of a message, as `.proto` describes it. */
interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly typeName: string;
  readonly label: string;
  readonly oneof: number | null;
}

/** What a coordinator knows, by the names of fields: with it a message is valid, but for what is changed. */
export type Known = Readonly<Record<string, string>>;

/** Bytes that somebody sends to a method. */
export interface Hostile {
  readonly path: string;
  /** Whether the answer is a stream, and whether the request is. */
  readonly streams: 'neither' | 'answer' | 'both';
  readonly bytes: Buffer;
}

export const SESSION = '/ridgepoint.v1.AgentService/Session';
const PROTO = join(import.meta.dirname, '../../../proto');
const PACKAGE = 'ridgepoint.v1';

const definition = loadSync(
  ['agents', 'control', 'bodies', 'artifacts'].map((name) => `ridgepoint/v1/${name}.proto`),
  { includeDirs: [PROTO], keepCase: true },
) as unknown as Readonly<Record<string, Described & Readonly<Record<string, Method>>>>;

interface Described {
  readonly type: { readonly field: readonly (Omit<Field, 'oneof'> & { readonly oneofIndex?: number })[] };
}
interface Method {
  readonly path: string;
  readonly requestType: Described;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** Every method of the four services of proto/. */
export const RPCS = ['AgentService', 'ControlService', 'BodyService', 'ArtifactService'].flatMap((service) =>
  Object.values(definition[`${PACKAGE}.${service}`] as Readonly<Record<string, Method>>),
);

function fieldsOf({ type }: Described): Field[] {
  return type.field.map(({ oneofIndex, ...field }) => ({ ...field, oneof: oneofIndex ?? null }));
}

export function streamsOf({ requestStream, responseStream }: Method): Hostile['streams'] {
  return requestStream ? 'both' : responseStream ? 'answer' : 'neither';
}

/** @returns what a coordinator knows that has given this lease of a sweep to a node. */
export function knownOf(sweepId: string, document: string, lease: Lease, profile: NodeProfile): Known {
  const { trialId } = lease;
  return {
    sweep_id: sweepId,
    document,
    models_json: '[]',
    trial_id: trialId,
    experiment_id: lease.experiment.id,
    trial_ids: trialId,
    running_trial_ids: trialId,
    ended_trial_ids: trialId,
    returned_trial_ids: trialId,
    record_json: JSON.stringify(aRecord(lease, profile)),
    node_profile_json: JSON.stringify(profile),
    node: profile.name,
    device_id: 'cpu0',
    note_json: '{}',
    namespace: 'default',
    digest: `sha256:${'ab'.repeat(32)}`,
    name: 'ab'.repeat(12),
  };
}

/** @returns hostile messages of one method, the same for the same seed. */
export function hostileMessages(method: Method, known: Known, count: number, seed: number): Hostile[] {
  const { path, requestType } = method;
  const streams = streamsOf(method);
  const { requestBytes } = METHODS[path]!;
  const fields = fieldsOf(requestType);
  const whole = message(fields, known, true);
  const arbitrary = fc.oneof(
    { weight: 12, arbitrary: message(fields, known, false) },
    { weight: 1, arbitrary: whole },
    // Cut off, with the length that it should have.
    {
      weight: 3,
      arbitrary: fc
        .tuple(whole, fc.double({ min: 0, max: 1, noNaN: true }))
        .map(([bytes, share]) => bytes.subarray(0, Math.floor(bytes.length * share))),
    },
    { weight: 2, arbitrary: randomBytes(300) },
    // Two in one: of a oneof the last one counts.
    {
      weight: 1,
      arbitrary: fc.tuple(whole, message(fields, known, false)).map((both) => Buffer.concat(both)),
    },
  );
  return fc
    .sample(arbitrary, { numRuns: count, seed })
    .map((bytes) => ({ path, streams, bytes: bytes.subarray(0, requestBytes) }));
}

function randomBytes(most: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength: most }).map((bytes) => Buffer.from(bytes));
}

/** A message of these fields: valid, or with one of them changed. */
function message(fields: readonly Field[], known: Known, valid: boolean): fc.Arbitrary<Buffer> {
  if (fields.length === 0) return valid ? fc.constant(Buffer.alloc(0)) : unknownField();
  const { length } = fields;
  return fc.tuple(fc.nat(length - 1), fc.nat(1_000_000)).chain(([changed, turn]) => {
    const pieces = fields.map((field, index) => {
      if (field.oneof !== null && index !== changed && !firstOf(fields, field, changed, turn))
        return fc.constant(Buffer.alloc(0));
      return index === changed && !valid ? changedField(field, known) : validField(field, known);
    });
    return fc.tuple(...pieces).map((all) => Buffer.concat(all));
  });
}

/** Whether it is the one that a oneof has, where the changed field is none of it. */
function firstOf(fields: readonly Field[], field: Field, changed: number, turn: number): boolean {
  const others = fields.filter(({ oneof }) => oneof === field.oneof);
  return !others.includes(fields[changed]!) && others[turn % others.length] === field;
}

function validField(field: Field, known: Known): fc.Arbitrary<Buffer> {
  switch (field.type) {
    case 'TYPE_MESSAGE':
      return message(inner(field), known, true).map((bytes) => delimited(field.number, bytes));
    case 'TYPE_STRING':
      return fc.constant(delimited(field.number, Buffer.from(known[field.name] ?? 'word')));
    case 'TYPE_BYTES':
      return fc.constant(delimited(field.number, Buffer.from('piece')));
    case 'TYPE_DOUBLE':
      return fc.constant(double(field.number, 1.5));
    default:
      return fc.constant(varint(field.number, 1n));
  }
}

function changedField(field: Field, known: Known): fc.Arbitrary<Buffer> {
  const anything = fc.oneof(unknownField(), nested(field), otherType(field), repeated(field, known));
  const own = ofType(field, known);
  return fc.oneof({ weight: 5, arbitrary: own }, { weight: 2, arbitrary: anything });
}

function ofType(field: Field, known: Known): fc.Arbitrary<Buffer> {
  switch (field.type) {
    case 'TYPE_MESSAGE':
      return message(inner(field), known, false).map((bytes) => delimited(field.number, bytes));
    case 'TYPE_STRING': {
      const texts = hostileText.map((text) => delimited(field.number, text));
      if (!field.name.endsWith('_json')) return texts;
      return fc.oneof(
        texts,
        changedJson(known[field.name] ?? '{}').map((text) => delimited(field.number, Buffer.from(text))),
      );
    }
    case 'TYPE_BYTES':
      return fc
        .oneof(randomBytes(2000), fc.constant(Buffer.alloc(1_000_000)))
        .map((bytes) => delimited(field.number, bytes));
    case 'TYPE_DOUBLE':
      return fc
        .constantFrom(Number.NaN, Infinity, -Infinity, -0, -1, 1e308, 5e-324)
        .map((value) => double(field.number, value));
    default:
      return fc
        .oneof(
          fc.constantFrom(0n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n),
          fc.bigInt(0n, 2n ** 64n - 1n),
        )
        .map((value) => varint(field.number, value));
  }
}

/** Texts that have broken something somewhere. */
const hostileText: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .constantFrom(
      '',
      ' ',
      '\0',
      '../../etc/passwd',
      '__proto__',
      'constructor',
      "' OR 1=1 --",
      '\u202egnp.exe',
      '\ufeff',
      '%00',
      '*',
      '\r\nHost: x',
      '-rf',
      '$(id)',
      'sha256:',
      'NaN',
      '1e999',
      'null',
      '[]',
      '{"a":',
    )
    .map((text) => Buffer.from(text)),
  fc.string({ maxLength: 200, unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.constantFrom(300, 5_000, 60_000).map((length) => Buffer.alloc(length, 'x')),
  // Deep, and no UTF-8.
  fc.constantFrom('[', '{"a":', '"\\').map((piece) => Buffer.from(piece.repeat(3_000))),
  randomBytes(100),
);

const hostileJson = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  -1e308,
  2 ** 53,
  '',
  'x'.repeat(5_000),
  '\0',
  [],
  {},
  [[[[[[]]]]]],
  { toString: 1 },
  { length: 1e9 },
);

/** JSON with one value changed, wherever it is. */
function changedJson(json: string): fc.Arbitrary<string> {
  const root = JSON.parse(json) as unknown;
  const paths = pathsOf(root);
  return fc.tuple(fc.constantFrom(...paths), hostileJson, fc.nat(9)).map(([path, value, how]) => {
    const copy = structuredClone(root);
    let at = copy as Record<string, unknown>;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
    const last = path.at(-1);
    if (last === undefined) return JSON.stringify(value);
    if (how === 0) delete at[last];
    else if (how === 1) Object.assign(at, { [`${last}x`]: value });
    else at[last] = value;
    return JSON.stringify(copy);
  });
}

function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [
    [],
    ...Object.entries(value).flatMap(([key, inside]) => pathsOf(inside).map((path) => [key, ...path])),
  ];
}

function unknownField(): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(15, 99, 18_999, 536_870_911), fc.bigInt(0n, 2n ** 64n - 1n))
    .map(([number, value]) => varint(number, value));
}

/** Deep in itself: as messages, and as groups that open and never close. */
function nested(field: Field): fc.Arbitrary<Buffer> {
  return fc.oneof(
    fc.constantFrom(100, 1_000).map((depth) => {
      let bytes: Buffer = Buffer.alloc(0);
      for (let level = 0; level < depth; level += 1) bytes = delimited(field.number, bytes);
      return bytes;
    }),
    fc.constantFrom(100, 60_000).map((depth) => Buffer.alloc(depth, (1 << 3) | WireType.StartGroup)),
  );
}

/** The same number with what another type would have, and lengths that lie. */
function otherType({ number }: Field): fc.Arbitrary<Buffer> {
  const tag = (type: WireType): Buffer => Buffer.from(new BinaryWriter().tag(number, type).finish());
  return fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n).map((value) => varint(number, value)),
    fc.constantFrom(Number.NaN, 1).map((value) => double(number, value)),
    randomBytes(40).map((bytes) => delimited(number, bytes)),
    fc.constant(Buffer.concat([tag(WireType.LengthDelimited), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])])),
    fc.constantFrom(6, 7).map((type) => tag(type as WireType)),
    fc.constant(Buffer.concat([tag(WireType.Varint), Buffer.alloc(11, 0xff)])),
  );
}

function repeated(field: Field, known: Known): fc.Arbitrary<Buffer> {
  return fc
    .tuple(validField(field, known), fc.constantFrom(2, 30, 1_025))
    .map(([bytes, times]) => Buffer.concat(new Array<Buffer>(bytes.length > 1_000 ? 3 : times).fill(bytes)));
}

function inner({ typeName }: Field): Field[] {
  return fieldsOf(definition[`${PACKAGE}.${typeName.split('.').at(-1)}`]!);
}

/** A field of that number that holds bytes. */
export const delimited = (number: number, bytes: Uint8Array): Buffer =>
  Buffer.from(new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish());
const double = (number: number, value: number): Buffer =>
  Buffer.from(new BinaryWriter().tag(number, WireType.Bit64).double(value).finish());
const varint = (number: number, value: bigint): Buffer =>
  Buffer.from(new BinaryWriter().tag(number, WireType.Varint).uint64(value).finish());
