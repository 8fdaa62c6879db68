/** Everything the parser can find wrong: code, severity, text. The texts are Kamailio's where it has one. */
import { type ProblemTable, problemsOf } from './problem.js';

export const PARSE_PROBLEMS = {
  'syntax-error': { severity: 'error', text: 'syntax error{text}' },
  'unclosed-string': { severity: 'error', text: 'syntax error: unexpected EOF in unclosed string' },
  'unclosed-variable': { severity: 'error', text: 'unexpected end of line while parsing pvar name ({open} open)' },
  'unclosed-comment': { severity: 'warning', text: 'unexpected EOF: {depth} comments open' },
  'stray-character': { severity: 'warning', text: 'character {what} has no meaning here and is ignored' },
  'endless-define': { severity: 'error', text: 'define {name} leads back to itself' },
  'too-many-expansions': { severity: 'error', text: 'the defines of this script expand too often' },
  'already-defined': { severity: 'error', text: 'already defined: {name}' },
  'too-many-defines': { severity: 'error', text: 'too many defines: at most {limit}' },
  'too-many-ifdefs': { severity: 'error', text: 'too many nested ifdefs: at most {limit}' },
  'dash-in-define': { severity: 'error', text: "'-' not allowed" },
  'env-not-defined': { severity: 'error', text: 'env variable not defined [{name}]' },
  'include-name': { severity: 'error', text: '{why}: {name}' },
  'include-depth': { severity: 'error', text: 'too many includes: at most {limit} deep' },
  'include-not-found': { severity: 'error', text: 'cannot open included file: {name}' },
  'bad-subst': { severity: 'error', text: 'bad subst expression: {why}' },
  'unbalanced-directives': { severity: 'error', text: 'different number of preprocessor directives: {what}' },
  'directive-position': { severity: 'warning', text: "invalid position for preprocessor directive '{name}'" },
  'not-a-directive': { severity: 'warning', text: '{line} is a comment, not a directive' },
  'duplicate-route': { severity: 'error', text: 'duplicate route' },
  'too-many-arguments': { severity: 'error', text: 'Too many arguments' },
  'register-flag': { severity: 'error', text: 'register flag failed: {why}' },
  'shared-flag': { severity: 'warning', text: '{name}: flag {number} already in use under another name' },
  'flag-not-declared': { severity: 'error', text: 'flag not declared' },
  'bad-flag': { severity: 'error', text: 'bad flag value' },
  'avpflag-not-declared': { severity: 'error', text: 'avpflag not declared' },
  'duplicate-variable': { severity: 'error', text: 'variable cannot be declared' },
  'onsend-command': { severity: 'error', text: 'command not allowed in onsend_route' },
  'onsend-operand': { severity: 'error', text: '{name} allowed only in onsend_routes' },
  'bad-ipv4': { severity: 'error', text: 'invalid ipv4 address' },
  'bad-netmask': { severity: 'error', text: 'invalid bit number in netmask' },
  'nested-call': { severity: 'error', text: 'use of function execution inside params not allowed' },
  'constant-expected': { severity: 'error', text: 'constant expected' },
  'switch-defaults': { severity: 'error', text: 'bad switch(): too many "default:" labels' },
  'switch-mixed': { severity: 'error', text: 'type mismatch in case: mixed integer and string/RE cases not allowed' },
  'switch-empty': { severity: 'warning', text: 'empty switch()' },
  'ignored-parameter': { severity: 'warning', text: '{name} has no effect: the tls module has its own parameters' },
  'too-deep': { severity: 'error', text: 'nested too deeply: at most {limit} levels' },
  'too-many-errors': { severity: 'error', text: 'too many errors: the rest of the script was not looked at' },
} as const satisfies ProblemTable;

export type ParseProblemCode = keyof typeof PARSE_PROBLEMS;

export const parseProblem = problemsOf(PARSE_PROBLEMS);
