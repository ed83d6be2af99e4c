// An operator in a process of its own, built, that ends itself with SIGKILL before or after the n-th time
// that it does a step. Argument: JSON of { kubeconfig, settings, kill: { step, when: 'before' | 'after', nth
// } | null }.
import { readKubeconfig } from '../../../dist/operator/kubernetes/access.js';
import { startOperator } from '../../../dist/operator/main.js';
import { readSettings } from '../../../dist/operator/settings.js';

const { kubeconfig, settings, kill } = JSON.parse(process.argv[2]);
let seen = 0;
const end = () => process.kill(process.pid, 'SIGKILL');
const around = async (action, work) => {
  const mine = kill !== null && action.step === kill.step && ++seen === kill.nth;
  if (mine && kill.when === 'before') end();
  await work();
  if (mine) end();
};
const operator = await startOperator(readSettings(undefined, settings), readKubeconfig(kubeconfig), around);
process.on('SIGTERM', () => void operator.stop());
await operator.done;
