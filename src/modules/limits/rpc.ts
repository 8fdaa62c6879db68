/** What the commands of ratelimit and pipelimit have in common. */
import { RpcFault, type RpcValue } from '../../runtime/module.js';
import type { Feedback } from './algorithm.js';

const number = (args: readonly RpcValue[], at: number): number => {
  const n = Number(args[at]);
  if (args[at] === undefined || Number.isNaN(n)) throw new RpcFault(400, `error at parameter ${at}: expected a number`);
  return n;
};

export function setPid(feedback: Feedback, args: readonly RpcValue[]): undefined {
  feedback.ki = number(args, 0);
  feedback.kp = number(args, 1);
  feedback.kd = number(args, 2);
  return undefined;
}

export function pushLoad(feedback: Feedback, args: readonly RpcValue[]): undefined {
  const load = number(args, 0);
  if (load < 0 || load > 1) throw new RpcFault(400, 'Value out of range');
  feedback.load = load;
  feedback.update();
  return undefined;
}
