import { type AgentConnection, connectAgents, type Endpoint } from './client.js';

/**
 * A connection that looks where it goes each time it opens a stream: a coordinator that moved, a certificate
 * or a token that was renewed is found without a restart. What cannot be read just now, as a file that is
 * being replaced, is as it was.
 * @throws what `endpointOf` throws at first, and WireError `refused` for plaintext to another machine.
 */
export function redialling(endpointOf: () => Endpoint): AgentConnection {
  const first = endpointOf();
  let dialled = { endpoint: first, connection: connectAgents(first) };
  const look = (): Endpoint => {
    try {
      return endpointOf();
    } catch {
      return dialled.endpoint;
    }
  };
  return {
    session(signal) {
      const endpoint = look();
      if (!isSame(dialled.endpoint, endpoint)) {
        dialled.connection.close();
        dialled = { endpoint, connection: connectAgents(endpoint) };
      }
      return dialled.connection.session(signal);
    },
    get several() {
      return dialled.connection.several;
    },
    findBody: (request, limits) => dialled.connection.findBody(request, limits),
    putBody: (request, limits) => dialled.connection.putBody(request, limits),
    claimArtifact: (request, limits) => dialled.connection.claimArtifact(request, limits),
    putArtifact: (request, limits) => dialled.connection.putArtifact(request, limits),
    offerArtifact: (request, limits) => dialled.connection.offerArtifact(request, limits),
    getArtifact: (request, signal) => dialled.connection.getArtifact(request, signal),
    close: () => dialled.connection.close(),
  };
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  // Buffers of PEM files as their bytes.
  return JSON.stringify(a) === JSON.stringify(b);
}
