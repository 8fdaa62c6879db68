/** Arguments of RPC commands, read as Kamailio's commands read theirs. */
import { type RpcCall, RpcFault, type RpcValue } from './module.js';

const BAD_ARGUMENT = 400;

/** An argument that is missing or of another kind than wanted, in the words of binrpc. */
export class ArgumentFault extends RpcFault {
  readonly missing: boolean;
  constructor(at: number, expected: string, given: RpcValue | undefined) {
    const why = given === undefined ? 'end of packet encountered' : "record doesn't match type";
    super(BAD_ARGUMENT, `error at parameter ${at}: expected ${expected} type but ${why}`);
    this.missing = given === undefined;
  }
}

/** Arguments whose texts may be taken as numbers and the other way round (autoconversion of module xmlrpc). */
const CONVERTED = new WeakSet<readonly RpcValue[]>();

export function withConversion(args: readonly RpcValue[]): readonly RpcValue[] {
  CONVERTED.add(args);
  return args;
}

/** Argument `at` (from 0), which must be a text. */
export function textArg(args: readonly RpcValue[], at: number): string {
  const v = args[at];
  if (typeof v === 'number' && CONVERTED.has(args)) return String(v);
  if (typeof v !== 'string') throw new ArgumentFault(at, 'string', v);
  return v;
}

/** Argument `at` (from 0), which must be a whole number; a fraction is cut off. */
export function intArg(args: readonly RpcValue[], at: number): number {
  const v = args[at];
  if (typeof v === 'boolean') return v ? 1 : 0;
  if (typeof v === 'string' && CONVERTED.has(args) && LEADING_INT.test(v)) return Number.parseInt(v, 10) | 0;
  if (typeof v !== 'number') throw new ArgumentFault(at, 'integer', v);
  return Math.trunc(v) | 0;
}

const LEADING_INT = /^\s*[+-]?\d/;

/** Over JSON a text where a number is wanted is 0; binrpc and XML-RPC refuse it. */
export function takesTextAsZero(call: RpcCall | undefined): boolean {
  return call?.transport !== 'binrpc' && call?.transport !== 'xmlrpc';
}

/** Argument `at` as text, whatever scalar it is (Kamailio's `.S`); undefined: not there. */
export function anyText(args: readonly RpcValue[], at: number): string | undefined {
  const v = args[at];
  return v === undefined || v === null || typeof v === 'object' ? undefined : String(v);
}

/** Arguments one after the other, up to the first that `read` refuses. */
export function leadingArgs<T>(args: readonly RpcValue[], read: (args: readonly RpcValue[], at: number) => T): T[] {
  const out: T[] = [];
  try {
    for (let at = 0; at < args.length; at++) out.push(read(args, at));
  } catch (e) {
    if (!(e instanceof ArgumentFault)) throw e;
  }
  return out;
}
