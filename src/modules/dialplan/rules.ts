/** Rules of dial plans, read from their table and kept in the order in which they are tried. */
import { DbError, type DbValue, openDatabase } from '../../runtime/database.js';
import { environment } from '../../runtime/evaluate.js';
import { type BindEnv, type BindResult, type Host, LEVEL } from '../../runtime/module.js';
import { compilePcre, type Pcre } from '../regex/pcre.js';
import { checkTableVersion } from '../sql/version.js';
import { fnmatch } from '../textopsx/fnmatch.js';
import { FLAGS, hasVariables, type Pattern, patternWithVariables } from './dynamic.js';
import { parseReplacement, type Replacement } from './replacement.js';

export interface DialplanParams {
  readonly db_url: string;
  readonly table_name: string;
  readonly dpid_col: string;
  readonly pr_col: string;
  readonly match_op_col: string;
  readonly match_exp_col: string;
  readonly match_len_col: string;
  readonly subst_exp_col: string;
  readonly repl_exp_col: string;
  readonly attrs_col: string;
  readonly attrs_pvar: string | null;
  readonly match_dynamic: number;
  readonly append_branch: number;
  readonly reload_delta: number;
}

export const MATCH_OP = { EQUAL: 0, REGEX: 1, SHELL: 2 } as const;

export interface Rule {
  readonly dpid: number;
  readonly priority: number;
  readonly matchOp: number;
  readonly matchExp: string;
  readonly matchLength: number;
  readonly substExp: string;
  readonly replExp: string;
  readonly attrs: string;
  /** Answers whether the rule is for the text. */
  readonly matches: (text: string, ctx: Parameters<Pattern>[0]) => boolean;
  /** Null: the output is the replacement, whatever was matched. */
  readonly subst: Pattern | null;
  /** The expression to substitute has variables in it. */
  readonly lateSubst: boolean;
  /** Null: nothing comes out. */
  readonly replacement: Replacement | null;
}

/** Rules for texts of one length, in order of priority; length 0: for any. */
export interface LengthRules {
  readonly length: number;
  readonly rules: Rule[];
}

/** By dial plan: ascending lengths, the rules for any length last. */
export type Dialplans = ReadonlyMap<number, readonly LengthRules[]>;

/** Groups of an expression to substitute. */
const MAX_GROUPS = 10;

/** Reads all rules; rejects with a DbError where there is no table, or a rule is wrong. */
export async function loadRules(host: Host, params: DialplanParams): Promise<Dialplans> {
  const db = await openDatabase(host, params.db_url);
  try {
    if (host.sandbox?.isolated !== true) await checkTableVersion(db, params.table_name, TABLE_VERSION);
    const { rows } = await db.query({
      table: params.table_name,
      columns: [
        params.dpid_col,
        params.pr_col,
        params.match_op_col,
        params.match_exp_col,
        params.match_len_col,
        params.subst_exp_col,
        params.repl_exp_col,
        params.attrs_col,
      ],
      orderBy: params.pr_col,
    });
    if (rows.length === 0) host.log.write(LEVEL.WARN, 'dialplan', 'no data in the db\n');
    const env = environment(host.program, host.vars);
    return sorted(rows.map((row) => ruleOf(row, env, params.match_dynamic === 1)));
  } finally {
    await db.close();
  }
}

const TABLE_VERSION = 2;

function sorted(rules: readonly Rule[]): Dialplans {
  const plans = new Map<number, LengthRules[]>();
  for (const rule of rules) {
    const lengths = plans.get(rule.dpid) ?? [];
    plans.set(rule.dpid, lengths);
    const same = lengths.find(({ length }) => length === rule.matchLength);
    if (same === undefined) lengths.push({ length: rule.matchLength, rules: [rule] });
    else same.rules.push(rule);
  }
  for (const lengths of plans.values()) lengths.sort((a, b) => (a.length || Infinity) - (b.length || Infinity));
  return plans;
}

function ruleOf(row: readonly DbValue[], env: BindEnv, dynamic: boolean): Rule {
  const text = (at: number): string => {
    const value = row[at];
    if (value === null || value === undefined) throw new DbError(`values ${at} is NULL - not allowed`);
    return String(value);
  };
  const matchOp = Number(row[2]);
  const matchExp = text(3);
  const replExp = text(6);
  const substExp = text(5);
  const matches = matcher(matchOp, matchExp, env, dynamic);
  const late = dynamic && hasVariables(substExp, env);
  const lateMatch = matchOp === MATCH_OP.REGEX && dynamic && hasVariables(matchExp, env);
  const replacement = replExp === '' ? null : orThrow(parseReplacement(replExp, env), 'replacing', replExp);
  const subst = substExp === '' || late ? null : compiled(substExp, 'subst');
  if (subst !== null && subst.groupCount > MAX_GROUPS)
    throw new DbError(`subst expression ${substExp} has too many sub-expressions`);
  const groups = subst?.groupCount ?? 0;
  if (!late && !lateMatch && replacement !== null && groups < replacement.highestGroup) {
    throw new DbError(
      `repl_exp ${replExp} refers to ${replacement.highestGroup} sub-expressions, but subst_exp ${substExp} has only ${groups}`,
    );
  }
  const list = subst === null ? [] : [subst];
  return {
    dpid: Number(row[0]),
    priority: Number(row[1]),
    matchOp,
    matchExp,
    matchLength: Number(row[4]),
    substExp,
    replExp,
    attrs: text(7),
    matches,
    subst: late ? patternWithVariables(substExp, env) : subst === null ? null : () => list,
    lateSubst: late,
    replacement,
  };
}

function matcher(op: number, expression: string, env: BindEnv, dynamic: boolean): Rule['matches'] {
  if (op === MATCH_OP.EQUAL) return (text) => text === expression;
  if (op === MATCH_OP.SHELL) return (text) => expression !== '' && fnmatch(expression, text);
  if (op !== MATCH_OP.REGEX) throw new DbError('invalid value for match operator');
  if (!dynamic || !hasVariables(expression, env)) {
    const pcre = compiled(expression, 'match');
    return (text) => pcre.test(text);
  }
  const pattern = patternWithVariables(expression, env);
  return (text, ctx) => pattern(ctx).some((pcre) => pcre.test(text));
}

function compiled(expression: string, what: string): Pcre {
  return orThrow(compilePcre(expression, FLAGS), what, expression);
}

function orThrow<T>(made: BindResult<T>, what: string, expression: string): T {
  if ('ok' in made) return made.ok;
  throw new DbError(`failed to compile ${what} expression ${expression}: ${made.error}`);
}
