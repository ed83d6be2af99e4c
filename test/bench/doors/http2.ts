import { connect, type TLSSocket } from 'node:tls';

/** HTTP/2 as bytes (RFC 9113), for what no library would send. */

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  window: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Headers of a gRPC call (RFC 7541: nothing indexed but what the static table has, no Huffman code). */
export function grpcHeaders(path: string, token: string | null): Buffer {
  const text = (value: string): Buffer => Buffer.concat([integer(value.length), Buffer.from(value)]);
  const named = (name: string, value: string): Buffer =>
    Buffer.concat([Buffer.from([0]), text(name), text(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x87]),
    Buffer.concat([Buffer.from([0x04]), text(path)]),
    Buffer.concat([Buffer.from([0x01]), text('localhost')]),
    named('content-type', 'application/grpc'),
    named('te', 'trailers'),
    ...(token === null ? [] : [named('authorization', `Bearer ${token}`)]),
  ]);
}

/** A length of up to 7 bits, and beyond. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A call that is whole: headers, and an empty message. */
export function wholeCall(stream: number, headers: Buffer): Buffer {
  return Buffer.concat([
    frame(FRAME.headers, END_HEADERS, stream, headers),
    frame(FRAME.data, END_STREAM, stream, Buffer.alloc(5)),
  ]);
}

export interface Dialed {
  readonly socket: TLSSocket;
  /** Frames that came, by their types. */
  readonly heard: Map<number, number>;
  readonly closed: Promise<void>;
  /** Writes, and waits while the peer takes nothing. @returns false when it has closed. */
  write(bytes: Buffer): Promise<boolean>;
}

/** @param from an address of this machine that it comes from, as 127.0.0.9. */
export async function dial(
  address: { host: string; port: number },
  ca: string,
  from: string,
): Promise<Dialed> {
  const at = { ...address, localAddress: from };
  const socket = connect({
    ...at,
    ca,
    servername: 'localhost',
    ALPNProtocols: ['h2'],
  });
  const heard = new Map<number, number>();
  let rest = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const type = rest.readUInt8(3);
      heard.set(type, (heard.get(type) ?? 0) + 1);
      rest = rest.subarray(9 + rest.readUIntBE(0, 3));
    }
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await Promise.race([new Promise((resolve) => socket.once('secureConnect', resolve)), closed]);
  return {
    socket,
    heard,
    closed,
    async write(bytes) {
      if (socket.destroyed || !socket.writable) return false;
      if (socket.write(bytes)) return true;
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
      return !socket.destroyed;
    },
  };
}
