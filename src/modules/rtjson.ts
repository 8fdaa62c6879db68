/** Kamailio's rtjson: the destinations of a request, as a JSON document has them. */
import { addBranch } from '../runtime/destination-set.js';
import { defineModule, fn, LEVEL, type RouteContext, str, strParam } from '../runtime/module.js';
import { parseSocketAddress } from '../runtime/variables/addresses.js';
import type { XavpList } from '../runtime/xavp.js';
import { branch } from '../sip/message.js';
import { appendHeader } from './textops/headers.js';
import { setTimers } from './tm/api.js';
import { replaceAddress } from './uac/replace.js';

interface Params {
  readonly xavp_cfg: string;
}

type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

/** What the xavp of this run holds. */
interface Routing {
  readonly routing: string;
  readonly routes: readonly Json[];
  readonly fields: XavpList;
  /** Routes that were used. */
  readonly used: number;
}

const SERIAL = 'serial';
const PARALLEL = 'parallel';
/** Shorter ones are no header. */
const SHORTEST_EXTRA = 5;

function say({ host }: RouteContext, level: number, text: string): undefined {
  host.log.write(level, 'rtjson', `${text}\n`);
  return undefined;
}

function parse(ctx: RouteContext, text: string): Json {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString());
  } catch {
    return say(ctx, LEVEL.ERR, `invalid json doc [[${text}]]`);
  }
}

/** A field by its name; names count without case. */
function field(of: Json, name: string): Json {
  if (typeof of !== 'object' || of === null || Array.isArray(of)) return undefined;
  const key = Object.keys(of).find((k) => k.toLowerCase() === name);
  return key === undefined ? undefined : (of as Fields)[key];
}

function text(of: Json, name: string): string | null {
  const value = field(of, name);
  return typeof value === 'string' ? Buffer.from(value).toString('latin1') : null;
}

function positive(of: Json, name: string): number {
  const value = field(of, name);
  return typeof value === 'number' && value > 0 ? Math.trunc(value) : 0;
}

function initRoutes(ctx: RouteContext, { xavp_cfg: name }: Params, document: string): number {
  if (document === '') {
    say(ctx, LEVEL.ERR, 'no routing information');
    return -1;
  }
  if (parse(ctx, document) === undefined) return -1;
  const fields = ctx.env.xavps.fresh();
  fields.add('idx', 0);
  fields.add('json', document);
  ctx.env.xavps.add(name, fields);
  return 1;
}

/** The document that rtjson_init_routes() took; undefined where there is none to go by. */
function routingOf(ctx: RouteContext, { xavp_cfg: name }: Params): Routing | undefined {
  const fields = ctx.env.xavps.fields(name);
  const document = fields?.get('json')?.value;
  const used = fields?.get('idx')?.value;
  if (fields === undefined || typeof document !== 'string' || document === '')
    return say(ctx, LEVEL.WARN, 'no json for routing');
  if (typeof used !== 'number') return say(ctx, LEVEL.WARN, 'no idx for routing');
  const root = parse(ctx, document);
  if (root === undefined) return undefined;
  const routing = text(root, 'routing');
  if (routing === null) return say(ctx, LEVEL.ERR, 'missing or invalid routing field');
  const routes = field(root, 'routes');
  return { routing, routes: Array.isArray(routes) ? routes : [], fields, used };
}

const setUsed = ({ fields }: Routing, n: number): void => {
  const item = fields.get('idx');
  if (item !== undefined) item.value = n;
};

function socketOf(ctx: RouteContext, route: Json) {
  const name = text(route, 'socket');
  const at = name === null ? undefined : parseSocketAddress(name);
  return (at && ctx.host.findSocket(at.proto, at.host, at.port)) ?? null;
}

/** The first route becomes the request's own destination, with nothing left of an earlier one. */
function takeFirst(ctx: RouteContext, route: Json): void {
  const { msg } = ctx;
  msg.branches.length = 0;
  const uri = text(route, 'uri');
  if (uri !== null) msg.newUri = uri;
  msg.dstUri = text(route, 'dst_uri');
  msg.path = text(route, 'path');
  msg.instance = null;
  msg.ruid = null;
  msg.locationUa = null;
  msg.q = 0;
  msg.uriIsNew = true;
  msg.sendSocket = socketOf(ctx, route);
  msg.branchFlags |= positive(route, 'branch_flags');
}

function append(ctx: RouteContext, route: Json): boolean {
  const extra = { dstUri: text(route, 'dst_uri'), path: text(route, 'path'), q: 0, socket: socketOf(ctx, route) };
  if (addBranch(ctx, branch(text(route, 'uri') ?? ctx.msg.uri, extra))) return true;
  say(ctx, LEVEL.ERR, 'failed to append branch');
  return false;
}

function pushRoutes(ctx: RouteContext, params: Params): number {
  const found = routingOf(ctx, params);
  if (found === undefined) return -1;
  const { routing, routes, used } = found;
  if (routing !== SERIAL && routing !== PARALLEL) {
    say(ctx, LEVEL.ERR, `unsupported routing [${routing}]`);
    return -1;
  }
  if (routes.length === 0) {
    say(ctx, LEVEL.ERR, 'missing or invalid routes field');
    return -1;
  }
  takeFirst(ctx, routes[0]);
  if (routing === PARALLEL) for (const route of routes.slice(1)) append(ctx, route);
  setUsed(found, used + (routing === PARALLEL ? routes.length : 1));
  return 1;
}

function nextRoute(ctx: RouteContext, params: Params): number {
  const found = routingOf(ctx, params);
  if (found === undefined || found.routing !== SERIAL) return -1;
  if (found.routes.length === 0) {
    say(ctx, LEVEL.ERR, 'missing or invalid routes field');
    return -1;
  }
  const route = found.routes[Math.max(found.used, 0)];
  if (route === undefined) return -1;
  setUsed(found, found.used + 1);
  return append(ctx, route) ? 1 : -1;
}

const hasModule = ({ program }: RouteContext, name: string): boolean => program.modules.some((m) => m.name === name);

/** What a route says beyond where it leads: timers, headers, From and To (these with module uac alone). */
function updateBranch(ctx: RouteContext, params: Params): number {
  const found = routingOf(ctx, params);
  if (found === undefined) return -1;
  if (found.used <= 0) {
    say(ctx, LEVEL.WARN, 'invalid branch idx for routing');
    return -1;
  }
  const route = found.routing === SERIAL ? found.routes[found.used - 1] : undefined;
  if (route === undefined) return -1;
  const [fr, frInv] = [positive(route, 'fr_timer'), positive(route, 'fr_inv_timer')];
  if ((fr > 0 || frInv > 0) && hasModule(ctx, 'tm')) setTimers(ctx, frInv, fr);
  const headers = field(route, 'headers');
  const extra = text(headers, 'extra') ?? '';
  if (extra.length >= SHORTEST_EXTRA) appendHeader(ctx.msg, extra);
  if (hasModule(ctx, 'uac')) for (const side of ['from', 'to'] as const) replaceSide(ctx, side, field(headers, side));
  return 1;
}

function replaceSide(ctx: RouteContext, side: 'from' | 'to', wanted: Json): void {
  const [display, uri] = [text(wanted, 'display'), text(wanted, 'uri')];
  if (display || uri) replaceAddress(ctx, side, { display: display || undefined, uri: uri ?? '' });
}

export const rtjson = defineModule({
  name: 'rtjson',
  doc: 'Destinations of a request from a JSON document: one after the other, or all at once.',
  params: {
    xavp_cfg: strParam('rtjson', 'The xavp that keeps the document for the run and the transaction.', (name) =>
      name === '' ? 'invalid xavp name' : undefined,
    ),
  },
  functions: {
    rtjson_init_routes: fn({
      doc: 'Takes the document. Fields: `routing` (`serial`, `parallel`), `routes`, each with `uri`, `dst_uri`, `path`, `socket`, `branch_flags`, `fr_timer`, `fr_inv_timer` (ms), `headers` (`from`, `to` with `display` and `uri`; `extra`).',
      args: [str('document')],
      routes: ['request'],
      example:
        'rtjson_init_routes(\'{ "routing": "serial", "routes": [ { "uri": "sip:bob@192.0.2.7" } ] }\');\nrtjson_push_routes();\nxlog("$ru\\n");\n#> sip:bob@192.0.2.7',
      run: initRoutes,
    }),
    rtjson_push_routes: fn({
      doc: 'The first route becomes the destination; of a parallel routing the others become branches.',
      args: [],
      routes: ['request'],
      run: pushRoutes,
    }),
    rtjson_next_route: fn({
      doc: 'The next route of a serial routing becomes a branch; false where there is none.',
      args: [],
      routes: ['request', 'failure'],
      run: nextRoute,
    }),
    rtjson_update_branch: fn({
      doc: 'Sets timers and headers as the route of this branch says, of a serial routing; From and To need module uac.',
      args: [],
      routes: ['branch'],
      run: updateBranch,
    }),
  },
});
