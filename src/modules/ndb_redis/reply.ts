/** What redis answered, and how `$redis(name=>…)` reads it. */
import { ErrorReply } from '@redis/client';
import { bindVariable } from '../../runtime/format.js';
import {
  type BindEnv,
  type BindResult,
  type PvDefinition,
  pvWith,
  type RouteContext,
  toInt,
  type Value,
} from '../../runtime/module.js';

/** Types as `$redis(r=>type)` and `$redisd(…)` number them. */
export const TYPE = { STRING: 1, ARRAY: 2, INTEGER: 3, NIL: 4, STATUS: 5, ERROR: 6 } as const;

export type Reply =
  | { readonly type: typeof TYPE.STRING | typeof TYPE.STATUS | typeof TYPE.ERROR; readonly text: string }
  | { readonly type: typeof TYPE.INTEGER; readonly value: number }
  | { readonly type: typeof TYPE.NIL }
  | { readonly type: typeof TYPE.ARRAY; readonly items: readonly Reply[] };

/** From what the client gives where bulk strings come as buffers; texts have one character a byte. */
export function replyOf(value: unknown): Reply {
  if (Buffer.isBuffer(value)) return { type: TYPE.STRING, text: value.toString('latin1') };
  if (typeof value === 'string') return { type: TYPE.STATUS, text: Buffer.from(value).toString('latin1') };
  if (typeof value === 'number') return { type: TYPE.INTEGER, value };
  if (Array.isArray(value)) return { type: TYPE.ARRAY, items: value.map(replyOf) };
  if (value instanceof ErrorReply) return { type: TYPE.ERROR, text: Buffer.from(value.message).toString('latin1') };
  return { type: TYPE.NIL };
}

type Index = (ctx: RouteContext) => number;
type Read = (reply: Reply, ctx: RouteContext) => Value;

/** Items of arrays in arrays that a key may go down. */
const DEEPEST = 10;

const itemOf = (reply: Reply, at: number): Reply | undefined =>
  reply.type === TYPE.ARRAY && at >= 0 ? reply.items[at] : undefined;

function cellOf(reply: Reply | undefined): Value {
  if (reply?.type === TYPE.STRING) return reply.text;
  return reply?.type === TYPE.INTEGER ? reply.value | 0 : null;
}

const textOf = (reply: Reply): Value => ('text' in reply ? reply.text : null);
const sizeOf = (reply: Reply): Value => (reply.type === TYPE.ARRAY ? reply.items.length : null);

function bindIndex(text: string, env: BindEnv): BindResult<Index> {
  if (text[0] === '$') {
    const variable = bindVariable(text, env);
    if ('error' in variable) return variable;
    const { get } = variable.ok;
    return { ok: (ctx) => toInt(get(ctx)) };
  }
  return /^[+-]?\d+$/.test(text) ? { ok: () => Number(text) } : { error: `bad number <${text}>` };
}

/** One of `value`, `value[i]`, `type`, `type[i]`, `info`, `size`. */
function bindLast(text: string, env: BindEnv): BindResult<Read> {
  if (text === 'info') return { ok: textOf };
  if (text === 'size') return { ok: sizeOf };
  if (text === 'value') return { ok: (reply) => (reply.type === TYPE.ARRAY ? null : cellOf(reply)) };
  if (text === 'type') return { ok: (reply) => reply.type };
  const item = /^(value|type)\s*\[\s*(\S+)\s*\]$/.exec(text);
  if (item === null) return { error: `invalid key spec in [${text}]` };
  const index = bindIndex(item[2]!, env);
  if ('error' in index) return index;
  const at = index.ok;
  return item[1] === 'value'
    ? { ok: (reply, ctx) => cellOf(itemOf(reply, at(ctx))) }
    : { ok: (reply, ctx) => itemOf(reply, at(ctx))?.type ?? null };
}

/** `value[1]=>value[0]=>type`: down through arrays, then what is read there. */
function bindPath(text: string, env: BindEnv): BindResult<Read> {
  const steps = text.split(/\s*=>\s*/);
  if (steps.length > DEEPEST) return { error: 'Too many nested fields' };
  const last = bindLast(steps.pop() ?? '', env);
  if ('error' in last) return last;
  const down: Index[] = [];
  for (const step of steps) {
    const m = /^value\s*\[\s*(\S+)\s*\]$/.exec(step);
    if (m === null) return { error: `invalid key spec in [${text}]` };
    const index = bindIndex(m[1]!, env);
    if ('error' in index) return index;
    down.push(index.ok);
  }
  return {
    ok: (reply, ctx) => {
      let at: Reply | undefined = reply;
      for (const index of down) at = at && itemOf(at, index(ctx));
      return at === undefined ? null : last.ok(at, ctx);
    },
  };
}

/** `$redis(name=>…)`; `replies` gives those of the server by their names. */
export function redisVariable(replies: (ctx: RouteContext) => ReadonlyMap<string, Reply | undefined>): PvDefinition {
  return pvWith({
    doc: 'Reply of a command: `value`, `value[i]` of an array, `type`, `type[i]`, `info` (text of an error or a status), `size` of an array; `value[i]=>value[j]` in arrays of arrays.',
    bind(use, env) {
      const text = use.key?.text.trim() ?? '';
      const m = /^([^\s=]+)\s*=>\s*(.+)$/s.exec(text);
      if (m === null) return { error: `invalid var spec [${text}]` };
      const name = m[1]!;
      const read = bindPath(m[2]!, env);
      if ('error' in read) return read;
      const get = read.ok;
      return {
        ok: {
          get: (ctx) => {
            const reply = replies(ctx).get(name);
            return reply === undefined ? null : get(reply, ctx);
          },
        },
      };
    },
  });
}
