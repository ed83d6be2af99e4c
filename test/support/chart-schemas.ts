import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const PYTHON = process.env.RIDGEPOINT_CHART_PYTHON ?? '/opt/ridgepoint-charts/bin/python';
const SCHEMAS = join(import.meta.dirname, 'chart-schemas.py');
/** The oldest cluster that the chart is for, and a new one. */
const CLUSTERS = ['1.25', '1.34'];

export const hasSchemas = spawnSync(PYTHON, ['-c', 'import kubernetes_validate']).status === 0;

/**
 * @returns a line for each error of the objects, by the schemas of Kubernetes, Prometheus Operator and
 *   cert-manager.
 */
export function validateObjects(named: readonly (readonly [string, unknown])[]): string[] {
  const { status, stdout, stderr } = spawnSync(PYTHON, [SCHEMAS, ...CLUSTERS], {
    input: JSON.stringify(named),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.split('\n').filter((line) => line !== '');
}
