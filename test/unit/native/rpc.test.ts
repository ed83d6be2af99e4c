import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AgentConfigError, loadAgentConfig } from '../../../agent/config.js';
import { diagnoseRpc } from '../../../engines/native/diagnose.js';
import { findRpcLibrary, greetRpcServer, withServersNamed } from '../../../engines/native/llama-cpp/rpc.js';
import { findEngine } from '../../../engines/native/packages.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();

/** Listens while something is asked of it. */
async function listening<T>(
  onConnection: (socket: Socket) => void,
  ask: (address: string) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await ask(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** What a server of a version answers to a greeting. */
function answer(major: number, minor: number, patch = 0): Buffer {
  const bytes = Buffer.alloc(8 + 28);
  bytes.writeBigUInt64LE(28n);
  bytes.set([major, minor, patch], 8);
  return bytes;
}

describe('greeting an RPC server', () => {
  test('is llama.cpp’s own greeting, and its answer is taken in pieces', async () => {
    let heard = Buffer.alloc(0);
    const greeted = await listening((socket) => {
      socket.on('data', (chunk) => {
        heard = Buffer.concat([heard, chunk]);
        if (heard.length < 33) return;
        socket.write(answer(6, 0).subarray(0, 10));
        setTimeout(() => socket.write(answer(6, 0).subarray(10)), 5);
      });
    }, greetRpcServer);
    expect(greeted).toBeNull();
    // RPC_CMD_HELLO, 24 bytes, no capability.
    expect(heard).toEqual(Buffer.from([14, 24, ...Array<number>(31).fill(0)]));
  });

  test.each([
    [
      (socket: Socket) => void socket.write(answer(5, 3, 1)),
      /^it speaks version 5\.3\.1 of the protocol, and this engine 6\.0: run the server of llama\.cpp v/,
    ],
    [(socket: Socket) => void socket.write(answer(6, 1)), /^it speaks version 6\.1\.0/],
    [
      (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
      /^it hangs up on a greeting: it is no RPC server/,
    ],
    [(socket: Socket) => void socket.end(), /^it hangs up on a greeting: it is no RPC server/],
    [() => {}, /^it does not answer within 0\.2 s: it serves one client at a time, and another may have it$/],
  ])('says in one clause what is wrong: %#', async (behave, reason) => {
    expect(await listening(behave, (address) => greetRpcServer(address, 0.2))).toMatch(reason);
  });

  test('says that nobody is there', async () => {
    const address = await listening(
      () => {},
      async (free) => free,
    );
    expect(await greetRpcServer(address)).toBe('nobody listens there');
    const reason = await greetRpcServer('no-such-host.invalid:1');
    expect(reason).toMatch(/^it cannot be reached: its host /);
    expect(reason).not.toContain('no-such-host');
    expect(await greetRpcServer('127.0.0.1:99999')).toBe('it cannot be reached: its port is none');
  });
});

test('addresses are names in what goes into a record', () => {
  const rpc = { servers: { desk: '10.0.0.7:5005', attic: 'attic.lan:50052' } };
  const said = {
    failure: {
      message: 'cannot allocate RPC0[10.0.0.7:5005] buffer',
      hint: null,
      stderrTail: 'a\nattic.lan:50052\n',
    },
    warnings: [{ message: 'RPC1[Attic.lan:50052] and 10.0.0.7:50051, 110.0.0.7:5005, 10.0.0x7:5005' }],
  };
  expect(withServersNamed(said, rpc)).toEqual({
    failure: { message: 'cannot allocate RPC0[desk] buffer', hint: null, stderrTail: 'a\nattic\n' },
    warnings: [{ message: 'RPC1[attic] and 10.0.0.7:50051, 110.0.0.7:5005, 10.0.0x7:5005' }],
  });
});

describe('the library for RPC servers', () => {
  test('is the one that is named, if the engine could load it', () => {
    const missing = findRpcLibrary({ library: '/no/such.so', servers: {} });
    expect(missing).toEqual({
      reason: 'there is no file /no/such.so',
      hint: expect.stringContaining('ridge engines build rpc'),
    });
  });

  test.skipIf(process.platform !== 'linux')(
    'fits the engine’s own libraries by their names (needs Linux)',
    () => {
      const text = join(folder, 'text.so');
      writeFileSync(text, 'not a library'.repeat(20));
      expect(findRpcLibrary({ library: text, servers: {} })).toMatchObject({
        reason: `${text} is no shared library of this machine`,
      });
      const { folder: engine } = findEngine();
      const file = join(engine, 'libggml-base.so');
      expect(findRpcLibrary({ library: file, servers: {} })).toEqual({ file });
    },
  );
});

describe('the configuration', () => {
  const load = (rpc: object) => loadAgentConfig({ env: {}, overrides: { rpc } as never }).engines.rpc;

  test('names servers by host and port', () => {
    expect(load({ servers: { desk: '10.0.0.7:50052' } })).toEqual({ servers: { desk: '10.0.0.7:50052' } });
    expect(loadAgentConfig({ env: {} }).engines.rpc).toEqual({ servers: {} });
  });

  test.each([
    [
      { servers: { desk: '10.0.0.7' } },
      'rpc.servers.desk: write host:port, the host as a name or an IPv4 address',
    ],
    [
      { servers: { desk: '[::1]:50052' } },
      'rpc.servers.desk: write host:port, the host as a name or an IPv4 address',
    ],
    [{ servers: { desk: '10.0.0.7:65536' } }, 'rpc.servers.desk: ports are 1 to 65535'],
    [{ servers: { desk: '10.0.0.7:0' } }, 'rpc.servers.desk: ports are 1 to 65535'],
    [{ servers: { desk: 'a.lan:1', attic: 'A.lan:1' } }, 'rpc.servers.attic: has the address of desk'],
    [{ servers: { Desk: '10.0.0.7:1' } }, 'rpc.servers.Desk: use small letters, digits and dashes'],
  ])('is refused with a sentence: %j', (rpc, sentence) => {
    try {
      load(rpc);
      expect.unreachable();
    } catch (error) {
      expect((error as AgentConfigError).errors).toEqual([sentence]);
    }
  });

  test('is looked at by doctor: the library, who answers, and that nothing protects them', async () => {
    expect(await diagnoseRpc({ servers: {} })).toEqual([]);
    const [library, here, gone] = await listening(
      (socket) => socket.once('data', () => socket.write(answer(6, 0))),
      (address) => diagnoseRpc({ library: '/no/such.so', servers: { here: address, gone: '127.0.0.1:1' } }),
    );
    expect(library).toMatchObject({ name: 'rpc backend', ok: false, reason: 'there is no file /no/such.so' });
    expect(here).toMatchObject({ name: 'rpc server here', ok: true, hint: null });
    expect(gone).toMatchObject({
      name: 'rpc server gone',
      ok: false,
      reason: '127.0.0.1:1: nobody listens there',
    });
    const afar = await listening(
      (socket) => socket.once('data', () => socket.write(answer(6, 0))),
      (address) => diagnoseRpc({ servers: { afar: address.replace('127.0.0.1', '0.0.0.0') } }),
    );
    expect(afar[1]!.hint).toContain('no passwords and no encryption');
  });
});
