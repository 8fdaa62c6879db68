/** The kinds of token, and which words are keywords (language.md, sections 2 and 13). */
import { createToken, type IToken, Lexer, type TokenType } from './chevrotain.js';
import { CORE_PARAM_BY_NAME } from './core-params.js';
import { CORE_STATEMENT_BY_NAME } from './core-statements.js';
import type { Span } from './problem.js';

/** What the scanner hands to the grammar. */
export interface Token extends IToken {
  readonly span: Span;
  /** Numbers: the 32-bit value; strings, variables: the text after escapes and #!subst. */
  readonly value: number | string;
  /** Whether a newline stands between this token and the one before it. */
  readonly firstOnLine: boolean;
  /** The string of a #!subst: why it is no rule. */
  readonly wrong: string | undefined;
}

function kind(name: string, ...categories: TokenType[]): TokenType {
  return createToken({ name, pattern: Lexer.NA, categories });
}

/** Binary operators; those of `TightOp` bind tighter than a comparison for equality, those of `AddOp` than any. */
export const BinaryOp = kind('BinaryOp');
export const TightOp = kind('TightOp', BinaryOp);
export const CompareOp = kind('CompareOp', TightOp);
export const AddOp = kind('AddOp', TightOp);
export const PrefixOp = kind('PrefixOp');
/** May stand between a core operand (`method`, `src_ip` …) and its right side. */
export const OperandOp = kind('OperandOp');
export const AnyCoreParam = kind('AnyCoreParam');
export const AnyCoreStatement = kind('AnyCoreStatement');
export const AnyRouteWord = kind('AnyRouteWord');

export const T = {
  Id: kind('Id'),
  /** A word that begins with a digit and is no number. */
  NumId: kind('NumId'),
  Number: kind('Number'),
  String: kind('String'),
  Variable: kind('Variable'),
  Select: kind('Select'),
  Ipv6: kind('Ipv6'),
  EventName: kind('EventName'),
  /** `%`, `+=`, a lone `$` or `@`: no rule takes them. */
  Bad: kind('Bad'),
  /** Reserved words that no rule needs by themselves. */
  Keyword: kind('Keyword'),

  Semicolon: kind('Semicolon'),
  LParen: kind('LParen'),
  RParen: kind('RParen'),
  LBrace: kind('LBrace'),
  RBrace: kind('RBrace'),
  LBracket: kind('LBracket'),
  RBracket: kind('RBracket'),
  Comma: kind('Comma'),
  Colon: kind('Colon'),
  Dot: kind('Dot'),
  Equal: kind('Equal'),

  Or: kind('Or', BinaryOp),
  And: kind('And', BinaryOp),
  BitOr: kind('BitOr', BinaryOp),
  BitAnd: kind('BitAnd', BinaryOp),
  BitXor: kind('BitXor', BinaryOp),
  ShiftLeft: kind('ShiftLeft', BinaryOp),
  ShiftRight: kind('ShiftRight', BinaryOp),
  Equals: kind('Equals', BinaryOp, OperandOp),
  Differs: kind('Differs', BinaryOp, OperandOp),
  Match: kind('Match', BinaryOp, OperandOp),
  StrEq: kind('StrEq', BinaryOp, OperandOp),
  StrNe: kind('StrNe', BinaryOp, OperandOp),
  IntEq: kind('IntEq', BinaryOp),
  IntNe: kind('IntNe', BinaryOp),
  Less: kind('Less', CompareOp, OperandOp),
  Greater: kind('Greater', CompareOp, OperandOp),
  LessEq: kind('LessEq', CompareOp, OperandOp),
  GreaterEq: kind('GreaterEq', CompareOp, OperandOp),
  Plus: kind('Plus', AddOp),
  Minus: kind('Minus', AddOp, PrefixOp),
  Star: kind('Star', AddOp),
  Slash: kind('Slash', AddOp),
  Mod: kind('Mod', AddOp),
  Not: kind('Not', PrefixOp),
  BitNot: kind('BitNot', PrefixOp),
  Defined: kind('Defined', PrefixOp),
  IntCast: kind('IntCast', PrefixOp),
  StrCast: kind('StrCast', PrefixOp),

  If: kind('If'),
  Else: kind('Else'),
  While: kind('While'),
  Switch: kind('Switch'),
  Case: kind('Case'),
  Default: kind('Default'),
  /** return, exit, drop */
  Leave: kind('Leave'),
  Break: kind('Break'),
  Strlen: kind('Strlen'),
  Selval: kind('Selval'),
  Route: kind('Route', AnyRouteWord),
  /** request_route, reply_route: they take no name. */
  MainRoute: kind('MainRoute', AnyRouteWord),
  NamedRoute: kind('NamedRoute', AnyRouteWord),
  EventRoute: kind('EventRoute', AnyRouteWord),

  Method: kind('Method'),
  UriOperand: kind('UriOperand'),
  IpOperand: kind('IpOperand'),
  IntOperand: kind('IntOperand'),
  ProtoOperand: kind('ProtoOperand'),
  Myself: kind('Myself'),
  UriHost: kind('UriHost'),
  UriPort: kind('UriPort'),
  Proto: kind('Proto'),
  /** ws, wss: comparable, but no address may begin with them. */
  WsProto: kind('WsProto'),

  CoreParam: kind('CoreParam', AnyCoreParam),
  CoreStatement: kind('CoreStatement', AnyCoreStatement),
  CfgSelect: kind('CfgSelect', AnyCoreStatement),
  /** force_rport, add_rport, udp_mtu_try_proto. */
  ParamAndStatement: kind('ParamAndStatement', AnyCoreParam, AnyCoreStatement),
  Listen: kind('Listen'),
  Advertise: kind('Advertise'),
  Virtual: kind('Virtual'),
  Name: kind('Name'),
  Kemi: kind('Kemi'),
  KemiCallback: kind('KemiCallback'),
  TlsMethod: kind('TlsMethod'),
  Description: kind('Description'),
  Flags: kind('Flags'),
  AvpFlags: kind('AvpFlags'),
  LoadModule: kind('LoadModule'),
  LoadPath: kind('LoadPath'),
  CfgEngine: kind('CfgEngine'),
  ModParam: kind('ModParam'),
  Subst: kind('Subst'),
} as const;

export const TOKEN_TYPES: TokenType[] = [
  BinaryOp,
  TightOp,
  CompareOp,
  AddOp,
  PrefixOp,
  OperandOp,
  AnyCoreParam,
  AnyCoreStatement,
  AnyRouteWord,
  ...Object.values(T),
];

/** A keyword; `value` for the words that stand for a number. */
export interface Keyword {
  readonly type: TokenType;
  readonly value?: number;
}

const WORDS: readonly (readonly [type: TokenType, words: string, value?: number])[] = [
  [T.If, 'if'],
  [T.Else, 'else'],
  [T.While, 'while'],
  [T.Switch, 'switch'],
  [T.Case, 'case'],
  [T.Default, 'default'],
  [T.Leave, 'return exit drop'],
  [T.Break, 'break'],
  [T.Strlen, 'strlen strempty'],
  [T.Selval, 'selval'],
  [T.Defined, 'defined'],
  [T.Route, 'route'],
  [T.MainRoute, 'request_route reply_route'],
  [T.NamedRoute, 'onreply_route failure_route branch_route onsend_route'],
  [T.EventRoute, 'event_route'],
  [T.Or, 'or'],
  [T.And, 'and'],
  [T.Not, 'not'],
  [T.Mod, 'mod'],
  [T.StrEq, 'eq'],
  [T.StrNe, 'ne'],
  [T.IntEq, 'ieq'],
  [T.IntNe, 'ine'],
  [T.Method, 'method'],
  [T.UriOperand, 'uri status from_uri to_uri'],
  [T.IpOperand, 'src_ip dst_ip snd_ip to_ip'],
  [T.IntOperand, 'src_port dst_port snd_port to_port af snd_af to_af'],
  [T.ProtoOperand, 'proto snd_proto to_proto'],
  [T.Myself, 'myself'],
  [T.Number, 'yes true on enable', 1],
  [T.Number, 'no false off disable', 0],
  [T.Number, 'inet INET ipv4 IPv4 IPV4', 2],
  [T.Number, 'inet6 INET6 ipv6 IPv6 IPV6', 10],
  [T.Proto, 'udp UDP tcp TCP tls TLS sctp SCTP'],
  [T.WsProto, 'ws WS wss WSS'],
  [T.TlsMethod, 'SSLv23 sslv23 SSLV23 SSLv2 sslv2 SSLV2 SSLv3 sslv3 SSLV3 TLSv1 tlsv1 TLSV1'],
  [T.Listen, 'listen alias'],
  [T.Advertise, 'advertise ADVERTISE'],
  [T.Virtual, 'virtual'],
  [T.Name, 'name NAME'],
  [T.Kemi, 'kemi'],
  [
    T.KemiCallback,
    'onsend_route_callback reply_route_callback event_route_callback received_route_callback pre_routing_callback',
  ],
  [T.Description, 'desc descr description'],
  [T.Flags, 'flags bool'],
  [T.AvpFlags, 'avpflags'],
  [T.LoadModule, 'loadmodule loadmodulex'],
  [T.LoadPath, 'loadpath mpath'],
  [T.CfgEngine, 'cfgengine'],
  [T.ModParam, 'modparam modparamx'],
  [T.Keyword, 'statistics max_len include_file import_file'],
];

function keywords(): Map<string, Keyword> {
  const table = new Map<string, Keyword>();
  for (const name of CORE_PARAM_BY_NAME.keys()) if (!name.includes('.')) table.set(name, { type: T.CoreParam });
  for (const name of CORE_STATEMENT_BY_NAME.keys()) {
    table.set(name, { type: table.has(name) ? T.ParamAndStatement : T.CoreStatement });
  }
  table.set('cfg_select', { type: T.CfgSelect });
  for (const [type, words, value] of WORDS) {
    for (const word of words.split(' ')) table.set(word, value === undefined ? { type } : { type, value });
  }
  return table;
}

/** Reserved in every position outside strings (language.md, section 2). */
export const KEYWORDS: ReadonlyMap<string, Keyword> = keywords();
