/** The transformation classes `nsq` and `nq`: json and encode. */
import type { Context } from '../../runtime/context.js';
import { bindFormat } from '../../runtime/format.js';
import {
  type BindEnv,
  type BindResult,
  LEVEL,
  type TrArg,
  type Transform,
  type TransformationDefinition,
  toText,
} from '../../runtime/module.js';
import { nsqEncode } from './encode.js';
import { type JsonPath, jsonValue, pathOf } from './json.js';

const NAMES = {
  json: 'Text of the value at a path of a JSON text: `$(nsqE{nsq.json,a.b[1]})`. Empty when it is missing or null.',
  encode: 'Percent-encoded: letters, digits, `-`, `~`, `_` stay, a space is `+`.',
};

export const nsqTransformation: TransformationDefinition = {
  doc: 'JSON and encoding for NSQ.',
  names: NAMES,
  bind(name, args, env) {
    if (name === 'json') return bindJson(args, env);
    if (name === 'encode') return args.length === 0 ? { ok: encode } : { error: '{nsq.encode} takes no argument' };
    return { error: `unknown transformation nsq.${name}`, hint: 'there are {nsq.json,path} and {nsq.encode}' };
  },
};

const encode: Transform = (value) => (value === null || value === undefined ? value : nsqEncode(toText(value)));

function bindJson(args: readonly TrArg[], env: BindEnv): BindResult<Transform> {
  const [arg, ...more] = args;
  if (arg === undefined || more.length > 0)
    return { error: '{nsq.json} takes one argument, the path: {nsq.json,a.b[1]}' };
  const path = bindPath(arg, env);
  if ('error' in path) return path;
  return {
    ok(value, ctx) {
      if (value === null || value === undefined) return value;
      const found = jsonValue(ctx, toText(value), path.ok);
      if (found === null) ctx.host.log.write(LEVEL.ERR, 'nsq', 'nsq.json: the value is no JSON');
      return found ?? '';
    },
  };
}

function bindPath(arg: TrArg, env: BindEnv): BindResult<JsonPath> {
  const dotSign = escapeCharacter(env.params('nsq'));
  if (arg.kind === 'number') return { ok: pathOf(arg.text, dotSign) };
  if (arg.kind === 'variable') {
    const { get } = arg;
    return { ok: (ctx) => pathOf(toText(get(ctx)), dotSign) };
  }
  const format = bindFormat(arg.text, env);
  if ('error' in format) return format;
  const { constant, get } = format.ok;
  return { ok: constant !== undefined ? pathOf(constant, dotSign) : (ctx: Context) => pathOf(get(ctx), dotSign) };
}

/** modparam json_escape_char. */
export function escapeCharacter(params: Readonly<Record<string, unknown>>): string {
  const value = params.json_escape_char;
  return typeof value === 'string' && value !== '' ? value[0]! : '%';
}
