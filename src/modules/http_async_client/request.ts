/** `$http_req(…)`: what the next query of this run is made of. */
import {
  extraKey,
  isInt,
  LEVEL,
  type PvDefinition,
  pvWith,
  type RouteContext,
  toInt,
  toText,
  type Value,
} from '../../runtime/module.js';

export interface AsyncParams {
  readonly connection_timeout: number;
  readonly tls_version: number;
  readonly tls_verify_host: number;
  readonly tls_verify_peer: number;
  readonly curl_follow_redirect: number;
  readonly tls_client_cert: string | null;
  readonly tls_client_key: string | null;
  readonly tls_ca_path: string | null;
  readonly authmethod: number;
}

export interface Query {
  readonly headers: string[];
  method: string | undefined;
  /** Milliseconds without anything. */
  timeout: number;
  tls_ca_path: string | undefined;
  tls_client_key: string | undefined;
  tls_client_cert: string | undefined;
  suspend: boolean;
  body: string;
  authmethod: number;
  username: string | undefined;
  password: string | undefined;
  follow_redirect: boolean;
}

const QUERY = extraKey<Query>('http_async_client query');

const given = (text: string | null): string | undefined => (text === null || text === '' ? undefined : text);

function fresh(p: AsyncParams): Query {
  return {
    headers: [],
    method: undefined,
    timeout: p.connection_timeout,
    tls_ca_path: given(p.tls_ca_path),
    tls_client_key: given(p.tls_client_key),
    tls_client_cert: given(p.tls_client_cert),
    suspend: true,
    body: '',
    authmethod: p.authmethod,
    username: undefined,
    password: undefined,
    follow_redirect: p.curl_follow_redirect !== 0,
  };
}

const paramsOf = (ctx: RouteContext) => ctx.program.params('http_async_client') as unknown as AsyncParams;

export function queryOf(ctx: RouteContext): Query {
  let query = ctx.extra(QUERY);
  if (query === undefined) {
    query = fresh(paramsOf(ctx));
    ctx.setExtra(QUERY, query);
  }
  return query;
}

/** After a query the next one begins anew. */
export function forgetQuery(ctx: RouteContext): void {
  ctx.setExtra(QUERY, fresh(paramsOf(ctx)));
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];

interface Setting {
  readonly type: 'text' | 'number';
  /** `null` sets the default again. */
  set(query: Query, value: string | number, ctx: RouteContext): boolean;
  clear?(query: Query, defaults: Query): void;
}

const text = (set: (query: Query, value: string) => void, clear?: Setting['clear']): Setting => ({
  type: 'text',
  set(query, value) {
    set(query, `${value}`);
    return true;
  },
  ...(clear ? { clear } : {}),
});
const number = (set: (query: Query, value: number) => void, clear: NonNullable<Setting['clear']>): Setting => ({
  type: 'number',
  set(query, value) {
    set(query, Number(value));
    return true;
  },
  clear,
});
const accepted = number(
  () => undefined,
  () => undefined,
);

const SETTINGS: Readonly<Record<string, Setting>> = {
  all: { type: 'text', set: () => true, clear: (query, defaults) => void Object.assign(query, defaults) },
  hdr: text((query, value) => void query.headers.push(value)),
  method: {
    type: 'text',
    set(query, value, { host }) {
      // as Kamailio, which compares as far as the text goes
      const found = METHODS.find((m) => m.startsWith(`${value}`.toUpperCase()));
      if (found === undefined) host.log.write(LEVEL.ERR, 'http_async_client', `Unsupported method: ${value}\n`);
      else query.method = found;
      return true;
    },
    clear: (query) => {
      query.method = undefined;
    },
  },
  timeout: number(
    (query, value) => {
      query.timeout = value;
    },
    (query, { timeout }) => {
      query.timeout = timeout;
    },
  ),
  tls_ca_path: text((query, value) => {
    query.tls_ca_path = value;
  }),
  tls_client_key: text((query, value) => {
    query.tls_client_key = value;
  }),
  tls_client_cert: text((query, value) => {
    query.tls_client_cert = value;
  }),
  suspend: number(
    (query, value) => {
      query.suspend = value !== 0;
    },
    (query) => {
      query.suspend = true;
    },
  ),
  body: text((query, value) => {
    query.body = value;
  }),
  authmethod: number(
    (query, value) => {
      query.authmethod = value;
    },
    (query, { authmethod }) => {
      query.authmethod = authmethod;
    },
  ),
  username: text((query, value) => {
    query.username = value;
  }),
  password: text((query, value) => {
    query.password = value;
  }),
  keepalive: accepted,
  'ka-idle': accepted,
  'ka-interval': accepted,
  follow_redirect: number(
    (query, value) => {
      query.follow_redirect = value !== 0;
    },
    (query, { follow_redirect }) => {
      query.follow_redirect = follow_redirect;
    },
  ),
};

function assign(ctx: RouteContext, name: string, setting: Setting, value: Value): boolean {
  const query = queryOf(ctx);
  if (value === null || value === undefined) {
    setting.clear?.(query, fresh(paramsOf(ctx)));
    return true;
  }
  const fits = setting.type === 'number' ? isInt(value) : typeof value !== 'number';
  if (!fits) {
    ctx.host.log.write(LEVEL.ERR, 'http_async_client', `invalid value type for $http_req(${name})\n`);
    return false;
  }
  return setting.set(query, setting.type === 'number' ? toInt(value) : toText(value), ctx);
}

export const httpReq: PvDefinition = pvWith({
  doc: `The next query: hdr adds a header; method, body, timeout (milliseconds), suspend (0: the script goes on), follow_redirect, username, password, authmethod, tls_…; all set to $null begins anew. Reads as null. Keys: ${Object.keys(SETTINGS).join(', ')}.`,
  writable: true,
  example: '$http_req(method) = "POST";\n$http_req(hdr) = "Content-Type: application/json";\n$http_req(body) = "{}";',
  bind(use) {
    const name = use.key?.kind === 'text' ? use.key.text : '';
    const setting = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    if (setting === undefined) return { error: `unknown http_req name ${use.key?.text ?? ''}` };
    return { ok: { get: () => null, set: (ctx, value) => assign(ctx, name, setting, value), wantsText: true } };
  },
});
