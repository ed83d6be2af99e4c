import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, protoPath as healthProto } from 'grpc-health-check';

const AGENTS = 'ridgepoint.v1.AgentService';

/**
 * The services that every gRPC tool expects: health and reflection.
 * @param protoFolder holds the .proto files that reflection serves: `ridgepoint/v1/…`
 */
export function addStandardServices(
  server: Server,
  protoFolder: string,
): {
  /**
   * @param answers it answers reads, which a standby does: the server as a whole, and ControlService
   * @param leads it takes agents: AgentService
   */
  setServing(answers: boolean, leads: boolean): void;
} {
  const services = ['', AGENTS, 'ridgepoint.v1.ControlService'];
  const health = new HealthImplementation(Object.fromEntries(services.map((name) => [name, 'NOT_SERVING'])));
  health.addToServer(server);
  const definition = loadSync(['ridgepoint/v1/agents.proto', 'ridgepoint/v1/control.proto', healthProto], {
    includeDirs: [protoFolder],
    keepCase: true,
    longs: String,
    enums: String,
  });
  new ReflectionService(definition).addToServer(server);
  return {
    setServing(answers, leads) {
      for (const name of services) {
        const serving = answers && (leads || name !== AGENTS);
        health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
      }
    },
  };
}
