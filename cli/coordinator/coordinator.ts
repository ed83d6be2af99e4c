import { join, resolve } from 'node:path';
import { type CoordinatorConfig, readConfig } from '../../coordinator/config.js';
import { startCoordinator } from '../../coordinator/main.js';
import { keepHeapSmall } from '../../process/isolation/heap.js';
import { readableBaselines } from '../baseline/store.js';
import { asWords, EXIT } from '../exit.js';
import { onInterrupt } from '../interrupts.js';
import { say } from '../output/print.js';
import { startError } from '../start-error.js';
import type { CoordinatorOptions } from './command.js';

/** `ridge coordinator`: serves until it is told to stop, then drains. */
export async function serveCoordinator(options: CoordinatorOptions): Promise<void> {
  const config = configOf(options);
  keepHeapSmall();
  const coordinator = await startCoordinator(config, readableBaselines).catch((error: unknown) => {
    throw startError(error);
  });
  say(`coordinator: agents and tools at ${coordinator.grpcAddress}`);
  if (coordinator.metricsUrl !== null) say(`coordinator: metrics at ${coordinator.metricsUrl}`);
  if (coordinator.webUrl !== null) say(`coordinator: web view at ${coordinator.webUrl}`);
  await new Promise<void>((stopped) => {
    const interrupts = onInterrupt(
      'leasing no more and waiting for running trials',
      () => {
        void coordinator.stop('interrupted').finally(() => {
          interrupts.close();
          stopped();
        });
      },
      // Whatever was accepted is in the log, so leaving at once loses nothing.
      () => process.exit(EXIT.interrupted),
    );
  });
}

function configOf(options: CoordinatorOptions): CoordinatorConfig {
  const given: CoordinatorConfig = {
    ...(options.listen !== undefined && { grpcAddress: options.listen }),
    ...(options.metrics !== undefined && {
      metricsAddress: options.metrics === 'off' ? null : options.metrics,
    }),
    ...(options.web !== undefined && { webAddress: options.web === 'off' ? null : options.web }),
    ...(options.webWrites === true && { webWrites: true }),
    ...(options.audit !== undefined && { audit: { file: resolve(options.audit) } }),
    ...(options.logFormat !== undefined && { logFormat: options.logFormat }),
    ...(options.data !== undefined && {
      log: { kind: 'sqlite' as const, path: join(resolve(options.data), 'coordinator.sqlite') },
    }),
  };
  return asWords(() => readConfig(given, process.env, options.config ?? null));
}
