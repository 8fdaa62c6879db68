/** One JSON-RPC request: read, checked, run and answered, whichever way it came. */
import { type JsonC, JsonNumber, parseLenient } from '../../runtime/json-c.js';
import { type Host, LEVEL, type RpcCall, RpcFault, type RpcResult, type RpcValue } from '../../runtime/module.js';
import { findRpc, jsonResult, METHOD_NOT_FOUND, runRpc } from '../../runtime/rpc.js';
import { printJson } from './print.js';

/** What goes back: the code and reason of an HTTP reply, and the JSON document. */
export interface Answer {
  readonly code: number;
  readonly reason: string;
  readonly body: string;
}

/** A request that is JSON; whether it says anything sensible shows when it is run. */
export interface Request {
  /** Value of a member by its name, in any case of letters. */
  member(name: string): JsonC | undefined;
}

/** undefined: no JSON, and nothing is answered to that. */
export function readRequest(text: string): Request | undefined {
  const root = text === '' ? undefined : parseLenient(text);
  if (root === undefined) return undefined;
  const members = root instanceof Map ? [...root] : [];
  return { member: (name) => members.find(([key]) => key.toLowerCase() === name)?.[1] };
}

const OK: Pick<Answer, 'code' | 'reason'> = { code: 200, reason: 'OK' };
const NO_RESULT = {};

/** Runs the request. Gives a promise only when the command waits; never throws or rejects. */
export function execute(host: Host, request: Request, call: RpcCall, pretty: boolean): Answer | Promise<Answer> {
  const answer = (outcome: Outcome) => finish(outcome, request.member('id'), pretty);
  const method = request.member('method');
  const refused = refusal(request, method);
  if (refused !== undefined || typeof method !== 'string') {
    host.log.write(LEVEL.ERR, 'jsonrpcs', `${refused}\n`);
    return answer({ result: NO_RESULT });
  }
  const command = findRpc(host, method);
  if (command === undefined) {
    host.log.write(LEVEL.ERR, 'jsonrpcs', `method callback not found [${method}]\n`);
    return answer({ fault: new RpcFault(500, METHOD_NOT_FOUND) });
  }
  const params = argumentsOf(request.member('params'));
  if (params === undefined) {
    host.log.write(LEVEL.ERR, 'jsonrpcs', 'params field is not an array or object\n');
    return answer({ result: jsonResult(command, undefined) });
  }
  const done = (result: RpcResult) => answer({ result: jsonResult(command, result) });
  const failed = (e: unknown) =>
    answer({ fault: e instanceof RpcFault ? e : new RpcFault(500, 'Internal Server Error') });
  try {
    const result = runRpc(host, command, params, call);
    return result instanceof Promise ? result.then(done, failed) : done(result);
  } catch (e) {
    return failed(e);
  }
}

function refusal(request: Request, method: JsonC | undefined): string | undefined {
  const version = request.member('jsonrpc');
  if (typeof version !== 'string') return 'missing or invalid jsonrpc field in request';
  if (version !== '2.0') return `unsupported jsonrpc version [${version}]`;
  return typeof method === 'string' ? undefined : 'missing or invalid jsonrpc method field in request';
}

/** Values of a list, or of a record in its order; none when the member is missing; undefined: neither. */
function argumentsOf(params: JsonC | undefined): RpcValue[] | undefined {
  if (params === undefined) return [];
  if (Array.isArray(params)) return params.map(rpcValue);
  return params instanceof Map ? [...params.values()].map(rpcValue) : undefined;
}

function rpcValue(value: JsonC): RpcValue {
  if (value instanceof JsonNumber) return value.value;
  if (Array.isArray(value)) return value.map(rpcValue);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, v]) => [name, rpcValue(v)]));
  return value;
}

type Outcome = { readonly result: RpcValue } | { readonly fault: RpcFault };

/** A fault below 100 has no HTTP code of its own, and 0 no code at all. */
const LEAST_HTTP_CODE = 100;
const EXECUTION_ERROR = -32000;

/** Codes whose text JSON-RPC gives. */
const STANDARD_ERRORS: Readonly<Record<number, string>> = {
  [-32700]: 'Parse Error',
  [-32600]: 'Invalid Request',
  [-32601]: 'Method Not Found',
  [-32602]: 'Invalid Parameters',
  [-32603]: 'Internal Error',
  [-32000]: 'Execution Error',
};

function finish(outcome: Outcome, id: JsonC | undefined, pretty: boolean): Answer {
  const idMember = id === undefined ? {} : { id: idOf(id) };
  if ('result' in outcome) {
    return { ...OK, body: printJson({ jsonrpc: '2.0', result: outcome.result, ...idMember }, pretty) };
  }
  const { fault } = outcome;
  const code = fault.code === 0 ? EXECUTION_ERROR : fault.code;
  const message = STANDARD_ERRORS[code] ?? (fault.message || 'Unexpected Error');
  return {
    code: fault.code <= LEAST_HTTP_CODE ? 500 : fault.code,
    reason: fault.message,
    body: printJson({ jsonrpc: '2.0', error: { code, message }, ...idMember }, pretty),
  };
}

/** A text or number as sent; anything else by its number: true is 1, null and lists are 0 (seen). */
function idOf(id: JsonC): string | number {
  if (typeof id === 'string') return id;
  if (id instanceof JsonNumber) return id.value;
  return id === true ? 1 : 0;
}
