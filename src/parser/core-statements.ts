/** The statements of the core (language.md, section 10): their spellings and the literals they take. */

/**
 * A literal argument: `text` a quoted string, `int` a number, `signed` one with an optional sign, `address` a string, IP
 * or host of identifiers, `uri-host` and `uri-port` these words, `host` any host, `flag` a number or declared name,
 * `avpflag` a name from avpflags, `avp` a variable or a string that names an AVP, `proto` UDP…, `socket`
 * [proto:]host[:port], `expr` any expression.
 */
export type CoreArgType =
  | 'text'
  | 'int'
  | 'signed'
  | 'host'
  | 'address'
  | 'uri-host'
  | 'uri-port'
  | 'flag'
  | 'avpflag'
  | 'avp'
  | 'proto'
  | 'socket'
  | 'expr';

export interface CoreStatementInfo {
  /** First spelling of language.md. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** The argument lists that are allowed. */
  readonly forms: readonly (readonly CoreArgType[])[];
  /** Whether `()` may be left out. */
  readonly bare: boolean;
  /** Whether an onsend_route may call it. */
  readonly onsend: boolean;
  /** What the parser says about wrong arguments. */
  readonly expected: string;
  readonly doc: string;
}

type Row = readonly [names: string, forms: string, expected: string, doc: string, options?: string];

const STRING = 'bad argument, string expected';
const NUMBER = 'bad argument, number expected';
const TARGETS = 'address|address,int|uri-host|uri-host,int|uri-host,uri-port';
const MISSING = "missing '(' or ')' ?";

const ROWS: readonly Row[] = [
  ['forward', `|${TARGETS}`, 'bad forward argument', 'Sends the request on without a transaction.'],
  ['forward_udp', TARGETS, 'bad forward_udp argument', 'Sends the request on over UDP.'],
  ['forward_tcp', TARGETS, 'bad forward_tcp argument', 'Sends the request on over TCP.'],
  ['forward_tls', TARGETS, 'bad forward_tls argument', 'Sends the request on over TLS.'],
  ['forward_sctp', TARGETS, 'bad forward_sctp argument', 'Sends the request on over SCTP.'],
  ['log', 'text|int,text', 'bad log argument', 'Logs the text as it stands, without variables.', 'onsend'],
  ['setflag', 'flag', "missing '(' or ')'?", 'Sets a flag of the transaction.', 'onsend'],
  ['resetflag', 'flag', "missing '(' or ')'?", 'Clears a flag of the transaction.', 'onsend'],
  ['isflagset', 'flag', "missing '(' or ')'?", 'Whether a flag of the transaction is set.', 'onsend'],
  ['setavpflag', 'avp,avpflag', 'bad parameters', 'Sets a flag of an AVP.'],
  ['resetavpflag', 'avp,avpflag', 'bad parameters', 'Clears a flag of an AVP.'],
  ['isavpflagset', 'avp,avpflag', 'bad parameters', 'Whether a flag of an AVP is set.'],
  ['rewritehost sethost seth', 'text', STRING, 'Sets the host of the request URI.'],
  ['rewritehostport sethostport sethp', 'text', STRING, 'Sets host and port of the request URI.'],
  [
    'rewritehostporttrans sethostporttrans sethpt',
    'text',
    STRING,
    'Sets host and port, and removes the transport parameter.',
  ],
  ['rewriteport setport setp', 'text', STRING, 'Sets the port of the request URI; "" removes it.'],
  ['rewriteuser setuser setu', 'text', STRING, 'Sets the user of the request URI.'],
  ['rewriteuserpass setuserpass setup', 'text', STRING, 'Sets user and password of the request URI.'],
  ['rewriteuri seturi', 'text', STRING, 'Replaces the request URI.'],
  ['prefix', 'text', STRING, 'Puts text before the user of the request URI.'],
  ['strip', 'int', NUMBER, 'Removes characters from the start of the user.'],
  ['strip_tail', 'int', NUMBER, 'Removes characters from the end of the user.'],
  ['userphone', '', MISSING, 'Adds user=phone to the request URI.'],
  ['revert_uri', '', MISSING, 'Restores the request URI as received.', 'bare'],
  ['remove_branch', '|signed', NUMBER, 'Removes an additional branch.'],
  ['clear_branches', '', MISSING, 'Removes all additional branches.'],
  ['force_rport add_rport', '', MISSING, 'Sends replies to where the request came from.', 'bare'],
  ['add_local_rport', '', MISSING, 'Puts rport into our own Via.', 'bare'],
  ['force_tcp_alias add_tcp_alias', '|int', NUMBER, 'Lets the TCP connection be found by its Via port.', 'bare'],
  [
    'force_send_socket',
    'socket',
    'bad argument, [proto:]host[:port] expected',
    'Chooses the listening socket to send from.',
  ],
  ['set_advertised_address', 'host', STRING, 'The address for our Via and Record-Route.'],
  ['set_advertised_port', 'int', STRING, 'The port for our Via and Record-Route.'],
  [
    'udp_mtu_try_proto',
    'proto',
    'bad argument, UDP, TCP, TLS or SCTP expected',
    'The transport when the request is too large for UDP.',
  ],
  ['set_forward_no_connect', '', MISSING, 'Forwards only over a connection that is open.', 'bare onsend'],
  ['set_reply_no_connect', '', MISSING, 'Replies only over a connection that is open.', 'bare onsend'],
  ['set_forward_close', '', MISSING, 'Closes the connection after forwarding.', 'bare onsend'],
  ['set_reply_close', '', MISSING, 'Closes the connection after replying.', 'bare onsend'],
  [
    'cfg_select',
    'text,expr',
    'bad arguments, string and number expected',
    'Chooses an instance of custom globals for this message.',
  ],
  ['cfg_reset', 'text', 'bad arguments, string expected', 'Undoes cfg_select.'],
  ['error', 'text,text', 'bad error argument', 'Logs a notice.'],
  ['exec', 'text', MISSING, 'Runs a command.'],
];

export const CORE_STATEMENTS: readonly CoreStatementInfo[] = ROWS.map(([names, forms, expected, doc, options = '']) => {
  const [name = '', ...aliases] = names.split(' ');
  return {
    name,
    aliases,
    forms: forms.split('|').map((form) => (form === '' ? [] : (form.split(',') as CoreArgType[]))),
    bare: options.includes('bare'),
    onsend: options.includes('onsend'),
    expected,
    doc,
  };
});

export const CORE_STATEMENT_BY_NAME: ReadonlyMap<string, CoreStatementInfo> = new Map(
  CORE_STATEMENTS.flatMap((info) => [info.name, ...info.aliases].map((name) => [name, info] as const)),
);
