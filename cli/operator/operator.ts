import { findAccess } from '../../operator/kubernetes/access.js';
import { startOperator } from '../../operator/main.js';
import { readSettings } from '../../operator/settings.js';
import { EXIT } from '../exit.js';
import { onInterrupt } from '../interrupts.js';
import { say } from '../output/print.js';
import { startError } from '../start-error.js';
import type { OperatorOptions } from './command.js';

/** `ridge operator`: looks after Sweeps until it is told to stop. */
export async function serveOperator(options: OperatorOptions): Promise<void> {
  try {
    const settings = readSettings(options.config, {
      ...(options.coordinator !== undefined && { coordinator: options.coordinator }),
      ...(options.credentials !== undefined && { credentialsFolder: options.credentials }),
      ...(options.namespace.length > 0 && { namespaces: [...options.namespace] }),
      ...(options.health !== undefined && { healthAddress: options.health }),
      ...(options.logFormat !== undefined && { logFormat: options.logFormat }),
    });
    const access = findAccess(options.kubeconfig);
    const operator = await startOperator(settings, access);
    const where = settings.namespaces.length === 0 ? 'all namespaces' : settings.namespaces.join(', ');
    say(
      `operator: Sweeps of ${where} at ${access.server.host}, for the coordinator at ${settings.coordinator}`,
    );
    const interrupts = onInterrupt(
      'ending what was begun',
      () => void operator.stop(),
      () => process.exit(EXIT.interrupted),
    );
    await operator.done;
    interrupts.close();
  } catch (error) {
    throw startError(error);
  }
}
