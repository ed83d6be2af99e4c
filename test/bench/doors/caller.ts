import {
  ChannelCredentials,
  Client,
  type ClientReadableStream,
  Metadata,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import type { ClientSecurity } from '../../../proto/security.js';
import type { Hostile } from './messages.js';

export interface Answer {
  /** Its name in gRPC, as INVALID_ARGUMENT; `OPEN`: a stream that has said nothing yet. */
  readonly code: string;
  readonly message: string;
}

const asIs = (bytes: Buffer): Buffer => bytes;
const PATIENCE_MILLISECONDS = 20_000;
/** A stream that has no end is left after so long. */
const LISTEN_MILLISECONDS = 60;

/** Sends bytes as they are, under any name, over one connection. */
export class Caller {
  readonly #client: Client;

  constructor(address: string, ca: Buffer | null) {
    const channel = ca === null ? ChannelCredentials.createInsecure() : ChannelCredentials.createSsl(ca);
    this.#client = new Client(address, channel, {
      'grpc.max_send_message_length': -1,
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** @param by whose token is shown; null = none. @param before what is said first on a stream. */
  ask(
    { path, streams, bytes }: Hostile,
    by: ClientSecurity | null,
    before: readonly Buffer[] = [],
  ): Promise<Answer> {
    const metadata = new Metadata();
    if (by?.kind === 'token') metadata.set('authorization', `Bearer ${by.token}`);
    const options = { deadline: Date.now() + PATIENCE_MILLISECONDS };
    return new Promise((resolve) => {
      const ended = (how: Partial<StatusObject> | null): void =>
        resolve({ code: status[how?.code ?? 0]!, message: how?.details ?? '' });
      if (streams === 'neither') {
        this.#client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, options, ended);
        return;
      }
      const heard = (call: ClientReadableStream<Buffer>): void => {
        call.on('error', ended).on('status', ended).resume();
      };
      if (streams === 'both') {
        const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, metadata, options);
        heard(call as unknown as ClientReadableStream<Buffer>);
        for (const message of [...before, bytes]) call.write(message);
        call.end();
        return;
      }
      const call = this.#client.makeServerStreamRequest(path, asIs, asIs, bytes, metadata, options);
      heard(call);
      let code = 'OPEN';
      call.once('metadata', () => {
        code = 'OK';
      });
      setTimeout(() => {
        resolve({ code, message: '' });
        call.cancel();
      }, LISTEN_MILLISECONDS);
    });
  }

  close(): void {
    this.#client.close();
  }
}
