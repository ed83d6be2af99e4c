import type { ServiceDefinition } from '@grpc/grpc-js';
import { invalid, WireError } from './errors.js';

/**
 * The same service, whose methods are given a WireError in place of a message that cannot be decoded
 * (`Handlers` and `messagesOf` throw it): an error in decoding would reach the caller as "internal", without
 * a reason.
 */
export function readable<Service extends ServiceDefinition>(service: Service): Service {
  const methods = Object.entries(service).map(([name, method]) => {
    const decode = method.requestDeserialize;
    const requestDeserialize = (bytes: Buffer): unknown => {
      try {
        return decode(bytes);
      } catch (error) {
        return error instanceof WireError ? error : unreadable(name, error as Error);
      }
    };
    return [name, { ...method, requestDeserialize }];
  });
  return Object.fromEntries(methods) as Service;
}

function unreadable(method: string, error: Error): WireError {
  // Messages within each other, without end, use up the stack.
  const why = error instanceof RangeError ? 'it is nested too deep' : error.message;
  return invalid(`A message of ${method} cannot be read: ${why}.`);
}
