/** Arguments of avp_db_load() and its relatives: whose attributes, which AVP, which table or scheme. */
import { parseVariable } from '../../runtime/format/scan.js';
import { bindVariable } from '../../runtime/format.js';
import type { BindEnv, BindResult, RouteContext } from '../../runtime/module.js';
import type { Get } from '../../runtime/variables/support.js';
import { parseUri } from '../../sip/uri.js';
import { type AvpName, bindAvpName, plain, slash } from './names.js';

/** `usr_preferences` with other names, and without a column for names and types. */
export interface Scheme {
  readonly name: string;
  readonly table: string | undefined;
  readonly uuid: string | undefined;
  readonly username: string | undefined;
  readonly domain: string | undefined;
  readonly value: string | undefined;
  readonly isInt: boolean;
}

const FIELDS: Readonly<Record<string, keyof Scheme>> = {
  table: 'table',
  uuid_col: 'uuid',
  username_col: 'username',
  domain_col: 'domain',
  value_col: 'value',
};

/** `name:table=t;value_col=v;value_type=integer` of a modparam; a text says why it is none. */
export function parseScheme(text: string): Scheme | string {
  const [, name, rest] = /^\s*([^:\s]+)\s*:\s*(.+)$/s.exec(text) ?? [];
  if (name === undefined || rest === undefined) return 'write NAME:attribute=value;…';
  const found: Record<string, string> = {};
  let isInt = false;
  for (const part of rest.split(';')) {
    if (part.trim() === '') continue;
    const [, key = '', value] = /^\s*([^=\s]+)\s*=\s*(\S+)\s*$/.exec(part) ?? [];
    if (value === undefined) return `parse error in '${part.trim()}'`;
    const field = FIELDS[key.toLowerCase()];
    if (key.toLowerCase() === 'value_type') {
      const type = value.toLowerCase();
      if (type !== 'integer' && type !== 'string') return `unknown value type <${value}>`;
      isInt = type === 'integer';
    } else if (field === undefined) return `unknown attribute <${key}>`;
    else if (found[field] !== undefined) return `${key} twice`;
    else found[field] = value;
  }
  const { table, uuid, username, domain, value } = found;
  return { name, table, uuid, username, domain, value, isInt };
}

/** What the rows of a user are found by. */
export interface Owner {
  readonly uuid?: string;
  readonly username?: string;
  readonly domain?: string;
  /** The domain counts without use_domain too. */
  readonly byDomain: boolean;
}

/** A text says why there is none. */
export type OwnerReader = (ctx: RouteContext) => Owner | string;

type Kind = 'uuid' | 'username' | 'domain' | 'uri';
const KINDS: readonly string[] = ['uuid', 'username', 'domain', 'uri'];
/** Variables that are URIs, so that `/uri` need not stand behind them. */
const URIS = new Set(['ru', 'fu', 'tu', 'ou', 'ruri', 'from', 'to', 'ouri']);

export function parseOwner(text: string, env: BindEnv): BindResult<OwnerReader> {
  const at = slash(text, 0);
  const name = at < 0 ? text : text.slice(0, at);
  const flag = at < 0 ? undefined : text.slice(at + 1).toLowerCase();
  if (flag !== undefined && !KINDS.includes(flag)) return { error: `unknown flag <${flag}>` };
  if (name[0] !== '$') return { ok: () => ownerOf(name, (flag ?? 'uuid') as Kind) };
  const bound = bindVariable(name, env, { quoted: true });
  if ('error' in bound) return bound;
  if (bound.ok.isNull) return { error: 'null pseudo-variable' };
  const parsed = parseVariable(name);
  const isUri = !('error' in parsed) && URIS.has(parsed.ok.name);
  const kind = (flag ?? (isUri ? 'uri' : 'uuid')) as Kind;
  return { ok: (ctx) => valueOwner(bound.ok.get, ctx, kind) };
}

function valueOwner(get: Get, ctx: RouteContext, kind: Kind): Owner | string {
  const value = get(ctx);
  if (value === null || value === undefined) return 'no value for first param';
  return ownerOf(`${plain(value)}`, kind);
}

function ownerOf(text: string, kind: Kind): Owner | string {
  if (kind === 'uuid') return { uuid: text, byDomain: false };
  const uri = parseUri(text);
  if (uri === undefined) return 'failed to parse uri';
  if (!uri.user || uri.host === '') return `incomplete uri <${text}>`;
  return {
    ...(kind === 'domain' ? {} : { username: uri.user }),
    ...(kind === 'username' ? {} : { domain: uri.host }),
    byDomain: kind === 'domain',
  };
}

/** Which AVPs, and where their rows are. */
export interface Selection {
  /** One AVP; missing: all whose name is a text (`s`), an int (`i`) or either (`*`). */
  readonly name?: AvpName & { readonly attribute: (ctx: RouteContext) => string | undefined };
  readonly names: 's' | 'i' | '*';
  /** Script flags of what is loaded. */
  readonly flags: number;
  readonly table?: string;
  readonly scheme?: Scheme;
}

/** `$avp(name)`, `*`, `s` or `i`, then perhaps `/table` or `/$scheme`. */
export function parseSelection(allowScheme: boolean) {
  return (text: string, env: BindEnv): BindResult<Selection> => {
    const at = slash(text, 0);
    const which = parseWhich(at < 0 ? text : text.slice(0, at), env);
    if ('error' in which || at < 0) return which;
    const place = text.slice(at + 1);
    if (place === '' || place === '$') return { error: 'empty scheme/table name' };
    if (place[0] !== '$') return { ok: { ...which.ok, table: place } };
    if (!allowScheme) return { error: "function doesn't support DB schemes" };
    if (which.ok.name === undefined)
      return { error: 'inconsistent usage of DB scheme without complete specification of AVP name' };
    const wanted = place.slice(1).toLowerCase();
    const texts = env.params('avpops').db_scheme as readonly string[];
    for (const one of texts) {
      const scheme = parseScheme(one);
      if (typeof scheme !== 'string' && scheme.name.toLowerCase() === wanted) return { ok: { ...which.ok, scheme } };
    }
    return { error: `scheme <${place.slice(1)}> not found` };
  };
}

function parseWhich(text: string, env: BindEnv): BindResult<Selection> {
  if (text[0] !== '$') {
    const [, letter, flags] = /^([sia*])(\d*)$/i.exec(text) ?? [];
    if (letter === undefined) return { error: 'expected : $avp(name), *, s or i' };
    const low = letter.toLowerCase();
    return { ok: { names: low === 's' || low === 'i' ? low : '*', flags: (Number(flags || '0') << 8) & 0xff00 } };
  }
  const name = bindAvpName(text, env);
  if ('error' in name) return name;
  const parsed = parseVariable(text);
  const key = 'error' in parsed ? '' : (parsed.ok.key ?? '');
  const dynamic = key[0] === '$' ? bindVariable(key, env, { quoted: true }) : undefined;
  if (dynamic !== undefined && 'error' in dynamic) return dynamic;
  const fixed = key.replace(/^[si]:/, '');
  const attribute =
    dynamic === undefined
      ? () => fixed
      : (ctx: RouteContext) => {
          const value = dynamic.ok.get(ctx);
          return value === null || value === undefined ? undefined : `${plain(value)}`;
        };
  return { ok: { name: { ...name.ok, attribute }, names: '*', flags: 0 } };
}
