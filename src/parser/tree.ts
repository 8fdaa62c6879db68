/** The syntax tree of a routing script (language.md, section 4). Every node keeps its span; comments hang on items. */
import type { Problem, Span } from './problem.js';

export interface Comment {
  readonly text: string;
  readonly span: Span;
}

interface Node {
  readonly span: Span;
}

// ---------------------------------------------------------------- expressions

export interface NumberExpr extends Node {
  readonly kind: 'number';
  /** 32-bit signed. */
  readonly value: number;
  /** As written: `0x1F`, `yes`, `101b`. */
  readonly text: string;
}
export interface StringExpr extends Node {
  readonly kind: 'string';
  /** Latin1 text: one character a byte; escapes resolved, pieces joined, #!subst applied. */
  readonly value: string;
  readonly quote: '"' | "'";
}
/** `$name`, `$name(key)`, `$(name(key)[i]{tr})`, after #!subst; its inside is parsed by the runtime's format parser. */
export interface VariableExpr extends Node {
  readonly kind: 'variable';
  readonly text: string;
}
/** `@sel.a.b[1]`, text with the `@`. */
export interface SelectExpr extends Node {
  readonly kind: 'select';
  readonly text: string;
}
/** Exported function of a module. */
export interface CallExpr extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly nameSpan: Span;
  readonly args: readonly Expr[];
}
/** A literal argument of a core statement: literals only, by the grammar (language.md, section 9). */
export type CoreArg =
  | {
      readonly kind: 'string' | 'id' | 'ip' | 'variable';
      readonly value: string;
      readonly span: Span;
      /** Of force_send_socket: `value` in its parts. */
      readonly address?: ListenAddress;
    }
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'uri-host' | 'uri-port'; readonly span: Span };
/** Statement of the core other than route/leave (language.md, section 10); `name` as written (`seturi`, `rewriteuri`). */
export interface CoreStatement extends Node {
  readonly kind: 'core';
  readonly name: string;
  readonly args: readonly CoreArg[];
  /** For cfg_select("group", expr). */
  readonly expr?: Expr;
}
/** `route(NAME)`. */
export interface RouteCall extends Node {
  readonly kind: 'route';
  /** A bare ID or number is a StringExpr/NumberExpr too. Missing for `route()`, the main route. */
  readonly target?: Expr;
}
/** `method == "X"`, `uri == myself`, `src_ip == 1.2.3.0/24`, `myself == uri` (normalised: operand `uri`). */
export interface CoreOperand extends Node {
  readonly kind: 'operand';
  readonly operand: string;
  readonly op: '==' | '!=' | '=~' | '<' | '>' | '<=' | '>=';
  readonly right:
    | { readonly kind: 'expr'; readonly expr: Expr }
    | { readonly kind: 'id'; readonly value: string; readonly span: Span }
    | { readonly kind: 'ip'; readonly value: string; readonly mask?: string; readonly span: Span }
    | { readonly kind: 'myself'; readonly span: Span };
}
export type UnaryOp = '!' | '-' | '~';
export type BinaryOp =
  | '||'
  | '&&'
  | '|'
  | '&'
  | '^'
  | '<<'
  | '>>'
  | '=='
  | '!='
  | '=~'
  | 'ieq'
  | 'ine'
  | 'eq'
  | 'ne'
  | '<'
  | '>'
  | '<='
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | 'mod';
export interface UnaryExpr extends Node {
  readonly kind: 'unary';
  readonly op: UnaryOp;
  readonly operand: Expr;
}
export interface BinaryExpr extends Node {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}
export interface FuncExpr extends Node {
  readonly kind: 'strlen' | 'strempty' | 'defined' | '(int)' | '(str)';
  readonly operand: Expr;
}
export interface SelvalExpr extends Node {
  readonly kind: 'selval';
  readonly condition: Expr;
  readonly then: Expr;
  readonly otherwise: Expr;
}
/** `( expr )`; kept for the formatter. */
export interface GroupExpr extends Node {
  readonly kind: 'group';
  readonly inner: Expr;
}
/** `($x = 1)` as a value. */
export interface AssignExpr extends Node {
  readonly kind: 'assign';
  readonly target: VariableExpr | SelectExpr;
  readonly value: Expr;
}
/** `{ … }` as a value: the block's code. */
export interface BlockExpr extends Node {
  readonly kind: 'block';
  readonly body: Body;
}
export type Expr =
  | NumberExpr
  | StringExpr
  | VariableExpr
  | SelectExpr
  | CallExpr
  | CoreStatement
  | RouteCall
  | CoreOperand
  | UnaryExpr
  | BinaryExpr
  | FuncExpr
  | SelvalExpr
  | GroupExpr
  | AssignExpr
  | BlockExpr;

// ----------------------------------------------------------------- statements

export interface Body extends Node {
  readonly statements: readonly Statement[];
}
export interface LeaveStatement extends Node {
  readonly kind: 'return' | 'exit' | 'drop' | 'break';
  readonly value?: Expr;
}
export interface IfStatement extends Node {
  readonly kind: 'if';
  readonly condition: Expr;
  readonly then: Body;
  readonly otherwise?: Body;
}
export interface WhileStatement extends Node {
  readonly kind: 'while';
  readonly condition: Expr;
  readonly body: Body;
}
export interface SwitchLabel extends Node {
  readonly kind: 'case' | 'regex' | 'default';
  readonly value?: Expr;
  readonly statements: readonly Statement[];
}
export interface SwitchStatement extends Node {
  readonly kind: 'switch';
  readonly value: Expr;
  readonly labels: readonly SwitchLabel[];
}
export interface EmptyStatement extends Node {
  readonly kind: 'empty';
}
export type Statement =
  | EmptyStatement
  | CallExpr
  | CoreStatement
  | RouteCall
  | AssignExpr
  | LeaveStatement
  | IfStatement
  | WhileStatement
  | SwitchStatement;

// ----------------------------------------------------------------------- file

export type BlockKind =
  | 'request_route'
  | 'reply_route'
  | 'failure_route'
  | 'branch_route'
  | 'onsend_route'
  | 'event_route';
/** `route[X]` and `request_route` are kind request_route; `name` is missing for the main ones (`route[0]` too). */
export interface RouteBlock extends Node {
  readonly kind: 'block';
  readonly block: BlockKind;
  /** Keyword as written: `route`, `onreply_route` … */
  readonly keyword: string;
  readonly name?: string;
  readonly nameSpan?: Span;
  readonly body: Body;
}
/** One address of `listen=` or `alias=`. */
export interface ListenAddress extends Node {
  readonly proto?: string;
  readonly hosts: readonly string[];
  readonly port?: number;
  readonly advertise?: { readonly host: string; readonly port?: number };
  readonly name?: string;
  readonly virtual?: boolean;
}
export type CoreValue =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'string' | 'id'; readonly value: string; readonly span: Span }
  | { readonly kind: 'addresses'; readonly value: readonly ListenAddress[]; readonly span: Span };
export interface CoreParam extends Node {
  readonly kind: 'param';
  /** Canonical name: aliases (`log_prefix`, `dns_udp_preference` …) are resolved to the first spelling of language.md. */
  readonly name: string;
  readonly nameSpan: Span;
  readonly value: CoreValue;
}
/** `group.name = value [desc "…"]`, `group[n].name = value`. */
export interface CustomGlobal extends Node {
  readonly kind: 'global';
  readonly group: string;
  readonly instance?: number;
  readonly name: string;
  readonly value: number | string;
  readonly description?: string;
}
export interface FlagsItem extends Node {
  readonly kind: 'flags' | 'avpflags';
  readonly flags: readonly { readonly name: string; readonly number?: number; readonly span: Span }[];
}
export interface LoadModule extends Node {
  readonly kind: 'loadmodule';
  /** As written, path and `.so` included. */
  readonly path: string;
  /** `textops` of `/usr/lib/…/textops.so`. */
  readonly name: string;
  /** loadmodulex: `$…` in the name is evaluated. */
  readonly dynamic: boolean;
}
export interface ModParam extends Node {
  readonly kind: 'modparam';
  readonly modules: string;
  readonly param: string;
  readonly paramSpan: Span;
  readonly value: number | string | VariableExpr;
  readonly valueSpan: Span;
  /** modparamx: `$…` is evaluated in all three. */
  readonly dynamic: boolean;
}
export interface PathItem extends Node {
  readonly kind: 'loadpath' | 'cfgengine';
  readonly value: string;
}
export type Item = CoreParam | CustomGlobal | FlagsItem | LoadModule | ModParam | PathItem | RouteBlock;

/** MAXCOMPAT is the mode without a marker (language.md, section 2): an unknown `$name` is an AVP. */
export type Compat = 'KAMAILIO' | 'MAXCOMPAT' | 'SER';

/** A parsed script with all its includes, in the order read. */
export interface Script {
  readonly file: string;
  readonly items: readonly Item[];
  readonly comments: readonly Comment[];
  /** #!define names and their texts at the end of the file, command line ones included. */
  readonly defines: ReadonlyMap<string, string>;
  /** Where a marker changed the mode: the mode holds for what has a greater `order`. */
  readonly compat: readonly { readonly order: number; readonly mode: Compat }[];
  /** Every file read, with its text: for carets, source maps and watching. */
  readonly sources: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}
