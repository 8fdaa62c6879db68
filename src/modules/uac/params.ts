/** Parameters of uac. */
import type { Context } from '../../runtime/context.js';
import { bindVariable } from '../../runtime/format.js';
import { avpKey } from '../../runtime/message-env.js';
import { type BindEnv, intParam, kemiParam, listParam, type PvAccessor, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

export interface UacParams {
  readonly rr_from_store_param: string;
  readonly rr_to_store_param: string;
  readonly restore_mode: string;
  readonly restore_dlg: number;
  readonly restore_passwd: string;
  readonly restore_from_avp: string | null;
  readonly restore_to_avp: string | null;
  readonly credential: readonly string[];
  readonly auth_username_avp: string | null;
  readonly auth_realm_avp: string | null;
  readonly auth_password_avp: string | null;
  readonly default_socket: string | null;
  readonly reg_db_url: string | null;
  readonly reg_db_table: string;
  readonly reg_contact_addr: string | null;
  readonly reg_timer_interval: number;
  readonly reg_retry_interval: number;
  readonly reg_keep_callid: number;
  readonly reg_random_delay: number;
  readonly reg_active: number;
  readonly reg_gc_interval: number;
  readonly reg_use_domain: number;
}

export function paramsOf(program: Program): UacParams {
  return program.params('uac') as unknown as UacParams;
}

const CREDENTIAL = /^\s*([^:\s]+)\s*:\s*([^:\s]+)\s*:\s*(\S+)\s*$/;
const AVP = /^\$avp\((.+)\)$/;
const avp = (v: string) => (AVP.test(v) && keyOf(v) !== undefined ? undefined : 'an AVP such as $avp(name)');
const MODES = /^(none|manual|auto)$/i;

export const params = {
  rr_from_store_param: strParam('vsf', 'Parameter of Record-Route that keeps the From URI.'),
  rr_to_store_param: strParam('vst', 'Parameter of Record-Route that keeps the To URI.'),
  restore_mode: strParam(
    'auto',
    'What becomes of a replaced URI later in the dialog: none, manual (uac_restore_from() and uac_restore_to()) or auto.',
    (v) => (MODES.test(v) ? undefined : 'one of none, manual and auto'),
  ),
  restore_dlg: intParam(0, '1: dialogs that module dialog follows keep the URIs, no Record-Route is needed.'),
  restore_passwd: strParam('', 'Veils what is kept in Record-Route.'),
  restore_from_avp: strParam(null, 'AVP that keeps From for replies: $avp(name).', avp),
  restore_to_avp: strParam(null, 'AVP that keeps To for replies: $avp(name).', avp),
  credential: listParam('An account for uac_auth(): user:realm:password.', (v) =>
    CREDENTIAL.test(v) ? undefined : 'user:realm:password',
  ),
  auth_username_avp: strParam(null, 'Variable with the user for uac_auth().'),
  auth_realm_avp: strParam(null, 'Variable with the realm for uac_auth(); empty at a call: any realm.'),
  auth_password_avp: strParam(null, 'Variable with the password for uac_auth().'),
  default_socket: strParam(null, 'Socket that requests of this module leave by: udp:host:port.'),
  event_callback: kemiParam('uac:reply'),
  reg_db_url: strParam(null, 'Database with the accounts that are registered elsewhere.'),
  reg_db_table: strParam('uacreg', 'Its table.'),
  reg_contact_addr: strParam(null, 'Address in the Contact of these registrations: host:port.'),
  reg_timer_interval: intParam(90, 'Seconds between two looks at them.'),
  reg_retry_interval: intParam(0, 'Seconds after which a registration that failed is tried again; 0: it is disabled.'),
  reg_keep_callid: intParam(0, '1: a registration is refreshed with the Call-ID it had.'),
  reg_random_delay: intParam(0, 'The first REGISTER of an account waits up to so many seconds.'),
  reg_active: intParam(1, '0: nothing is registered until uac.reg_active 1.'),
  reg_gc_interval: intParam(150, 'Seconds between two uac.reg_reload.'),
  reg_hash_size: intParam(4, 'Without effect: tables grow as they need.'),
  reg_use_domain: intParam(0, '1: users are looked up with their domain.'),
};

export function keyOf(spec: string | null): string | undefined {
  return spec === null ? undefined : avpKey(AVP.exec(spec)?.[1] ?? '');
}

/** `none` for versions of the script that do not load the module. */
export const restoreMode = (p: Partial<UacParams>): string => (p.restore_mode ?? 'none').toLowerCase();

// ------------------------------------------------------------ credentials

export interface Credential {
  readonly user: string;
  readonly realm: string;
  readonly password: string;
}

interface AuthVariables {
  readonly user: PvAccessor;
  readonly realm: PvAccessor;
  readonly password: PvAccessor;
}

interface Bound {
  readonly credentials: readonly Credential[];
  readonly variables: AuthVariables | undefined;
}

const bounds = new WeakMap<object, Bound>();

/** The account of a realm: the last one that was given. */
export function credentialOf(ctx: Context, realm: string): Credential | undefined {
  return bounds.get(paramsOf(ctx.program))?.credentials.findLast((c) => c.realm === realm);
}

export function authVariables(program: Program): AuthVariables | undefined {
  return bounds.get(paramsOf(program))?.variables;
}

const VARIABLES = ['auth_username_avp', 'auth_realm_avp', 'auth_password_avp'] as const;

export function bindParams(values: Readonly<Record<string, unknown>>, env: BindEnv): string[] {
  const p = values as unknown as UacParams;
  const credentials = p.credential.map((text) => {
    const [, user = '', realm = '', password = ''] = CREDENTIAL.exec(text) ?? [];
    return { user, realm, password };
  });
  const given = VARIABLES.filter((name) => p[name]);
  if (given.length !== 0 && given.length !== VARIABLES.length) {
    bounds.set(values, { credentials, variables: undefined });
    return [`${given.join(', ')} without the others of ${VARIABLES.join(', ')}`];
  }
  const problems: string[] = [];
  const found = given.map((name) => {
    const bound = bindVariable(p[name] ?? '', env, { quoted: true });
    if ('ok' in bound) return bound.ok;
    problems.push(`${name}: ${bound.error}`);
    return undefined;
  });
  const [user, realm, password] = found;
  bounds.set(values, { credentials, variables: user && realm && password ? { user, realm, password } : undefined });
  return problems;
}
