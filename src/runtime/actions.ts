/** Number and name under which 5.6.3 shows an action (`a=25 n=xlog`). */
import type { CoreStatement, Statement } from '../parser/tree.js';

export interface Action {
  readonly number: number;
  readonly name: string;
}

const DROP = 2;
const ROUTE = 5;
const IF = 16;
const CASE = 22;
const WHILE = 23;
/** A call without arguments; one more for each argument. */
const CALL = 24;
const ASSIGN = 63;

/** Statements of the core in the order in which Kamailio numbers them. */
const CORE: Readonly<Record<string, number>> = {
  forward: 1,
  log: 3,
  error: 4,
  exec: 6,
  rewritehost: 7,
  rewritehostport: 8,
  rewriteuser: 9,
  rewriteuserpass: 10,
  rewriteport: 11,
  rewriteuri: 12,
  rewritehostporttrans: 13,
  userphone: 15,
  setflag: 39,
  resetflag: 40,
  isflagset: 41,
  setavpflag: 42,
  resetavpflag: 42,
  isavpflagset: 42,
  prefix: 44,
  strip: 45,
  strip_tail: 46,
  append_branch: 47,
  remove_branch: 48,
  clear_branches: 49,
  revert_uri: 50,
  forward_tcp: 51,
  forward_udp: 52,
  forward_tls: 53,
  forward_sctp: 54,
  force_rport: 55,
  add_local_rport: 56,
  set_advertised_address: 57,
  set_advertised_port: 58,
  force_tcp_alias: 59,
  force_send_socket: 62,
  udp_mtu_try_proto: 65,
  set_forward_no_connect: 66,
  set_reply_no_connect: 67,
  set_forward_close: 68,
  set_reply_close: 69,
  cfg_select: 70,
  cfg_reset: 71,
};

const coreAction = ({ name }: CoreStatement): Action => ({ number: CORE[name] ?? 0, name });

export function actionOf(s: Statement): Action {
  switch (s.kind) {
    case 'call':
      return { number: CALL + s.args.length, name: s.name };
    case 'core':
      return coreAction(s);
    case 'route':
      return { number: ROUTE, name: 'route' };
    case 'assign':
      return { number: ASSIGN, name: 'assign' };
    case 'if':
      return { number: IF, name: 'if' };
    case 'while':
      return { number: WHILE, name: 'while' };
    case 'switch':
      return { number: CASE, name: 'case' };
    // Kamailio knows no break of its own
    case 'break':
      return { number: DROP, name: 'exit' };
    case 'exit':
    case 'drop':
    case 'return':
      return { number: DROP, name: s.kind };
    default:
      return { number: 0, name: s.kind };
  }
}
