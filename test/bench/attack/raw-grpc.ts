import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js';

const asIs = (bytes: Buffer): Buffer => bytes;

/** Calls with bytes that no generated code has looked at. */
export class RawGrpc {
  readonly #client: Client;

  /** @param ca of a server with TLS; null = plaintext. */
  constructor(address: string, ca: Buffer | null) {
    const credentials = ca === null ? ChannelCredentials.createInsecure() : ChannelCredentials.createSsl(ca);
    this.#client = new Client(address, credentials, {
      'grpc.max_send_message_length': -1,
      'grpc.max_receive_message_length': -1,
    });
  }

  /** One unary call. @returns the code and the words of the answer. */
  unary(method: string, request: Buffer, seconds: number): Promise<{ code: number; message: string }> {
    const options = { deadline: Date.now() + seconds * 1000 };
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(method, asIs, asIs, request, new Metadata(), options, (error) =>
        resolve({ code: error?.code ?? 0, message: error?.details ?? '' }),
      );
    });
  }

  /** Opens an agent's stream, says that, and waits for the end of it, at most so long. @returns how it ended. */
  async session(messages: readonly Buffer[], seconds: number): Promise<string> {
    const path = '/ridgepoint.v1.AgentService/Session';
    const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, new Metadata(), {});
    let ended = '';
    const end = new Promise<void>((resolve) => {
      call.on('error', (error: Error) => {
        ended = error.message;
        resolve();
      });
      call.on('end', resolve).on('data', () => undefined);
    });
    for (const message of messages) call.write(message);
    const given = new AbortController();
    await Promise.race([
      end,
      sleep(seconds * 1000, undefined, { signal: given.signal }).catch(() => undefined),
    ]);
    given.abort();
    call.cancel();
    return ended;
  }

  close(): void {
    this.#client.close();
  }
}

/** A field of protobuf that holds bytes. */
export function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}
