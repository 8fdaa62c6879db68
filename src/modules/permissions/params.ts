/** Parameters of permissions. */
import { intParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

export interface PermissionsParams {
  readonly default_allow_file: string;
  readonly default_deny_file: string;
  readonly check_all_branches: number;
  readonly allow_suffix: string;
  readonly deny_suffix: string;
  readonly db_url: string | null;
  readonly db_mode: number;
  readonly trusted_table: string;
  readonly source_col: string;
  readonly proto_col: string;
  readonly from_col: string;
  readonly ruri_col: string;
  readonly tag_col: string;
  readonly priority_col: string;
  readonly peer_tag_avp: string | null;
  readonly peer_tag_mode: number;
  readonly address_table: string;
  readonly address_file: string | null;
  readonly grp_col: string;
  readonly ip_addr_col: string;
  readonly mask_col: string;
  readonly port_col: string;
  readonly load_backends: number;
  readonly reload_delta: number;
}

export function permissionsParams(program: Program): PermissionsParams {
  return program.params('permissions') as unknown as PermissionsParams;
}

/** Bits of `load_backends`. */
export const BACKEND = { ADDRESS: 1, TRUSTED: 2, ALLOW_FILE: 4, DENY_FILE: 8 } as const;

const column = (name: string) => strParam(name, `Name of the column ${name}.`);

export const params = {
  default_allow_file: strParam('permissions.allow', 'File of allow_routing() without argument.'),
  default_deny_file: strParam('permissions.deny', 'File of what it refuses.'),
  check_all_branches: intParam(1, '1: the additional branches are looked at too.'),
  allow_suffix: strParam('.allow', 'End of the names of files that allow.'),
  deny_suffix: strParam('.deny', 'End of the names of files that refuse.'),
  db_url: strParam(null, 'Where the tables of addresses and of trusted peers are.'),
  db_mode: intParam(0, '0: the trusted table is asked at each call; 1: it is read at start.', (v) =>
    v === 0 || v === 1 ? undefined : 'one of 0 and 1',
  ),
  trusted_table: strParam('trusted', 'Name of the table of trusted peers.'),
  source_col: column('src_ip'),
  proto_col: column('proto'),
  from_col: column('from_pattern'),
  ruri_col: column('ruri_pattern'),
  tag_col: column('tag'),
  priority_col: column('priority'),
  peer_tag_avp: strParam(null, 'AVP that gets the tag of a match: $avp(name).', (v) =>
    /^\$avp\(.+\)$/.test(v) ? undefined : 'an AVP such as $avp(tag)',
  ),
  peer_tag_mode: intParam(0, '1: the tags of all matching peers are set, and their number is the code.'),
  address_table: strParam('address', 'Name of the table of addresses.'),
  address_file: strParam(null, 'File of addresses, in place of the table: lines of group, address, mask, port, tag.'),
  grp_col: column('grp'),
  ip_addr_col: column('ip_addr'),
  mask_col: column('mask'),
  port_col: column('port'),
  max_subnets: intParam(512, 'Without effect: any number of networks may be there.'),
  load_backends: intParam(0xffff, 'What is loaded: 1 addresses, 2 trusted peers, 4 allow file, 8 deny file.'),
  reload_delta: intParam(5, 'Least seconds between two reloads.'),
  trusted_cleanup_interval: intParam(60, 'Without effect: what is not used any more goes by itself.'),
};
