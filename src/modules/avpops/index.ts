import { type Database, openDatabase } from '../../runtime/database.js';
import {
  type ArgSource,
  type BindEnv,
  defineModule,
  fn,
  intParam,
  LEVEL,
  listParam,
  opt,
  parsed,
  type RouteContext,
  str,
  strParam,
} from '../../runtime/module.js';
import { type Check, parseCheck, runCheck } from './check.js';
import {
  type CopyTarget,
  type Deletion,
  type Existence,
  parseCopyTarget,
  parseDeletion,
  parseExistence,
  runCopy,
  runDeletion,
  runExistence,
} from './copy.js';
import { type DbParams, load, parseTargets, query, remove, store } from './db.js';
import { type OwnerReader, parseOwner, parseScheme, parseSelection, type Selection } from './db-args.js';
import { type AvpName, bindAvpName, bindValues, type ValuesReader } from './names.js';
import { type Operation, type Pair, parseOperation, parsePair, runOperation } from './operate.js';
import { type Push, parsePlace, parseSource, runPush, type Source } from './push.js';
import {
  constantSubstitution,
  evaluatedSubstitution,
  type Places,
  parsePlaces,
  runSubstitution,
} from './substitute.js';

const routes = ['request', 'failure', 'branch', 'reply', 'local'] as const;
const owner = parsed<OwnerReader>('user', 'text or variable with flag', parseOwner);
const selection = (schemes: boolean) => parsed<Selection>('avps', 'AVP, *, s or i', parseSelection(schemes));
const needsUrl = (_args: readonly ArgSource[], env: BindEnv) =>
  env.params('avpops').db_url ? undefined : 'you have to configure a db_url for using avp_db_xxx functions';
const truth = (yes: boolean): 1 | -1 => (yes ? 1 : -1);

function print({ host, env }: RouteContext): 1 {
  if (host.log.level < LEVEL.INFO) return 1;
  for (const [key, stack] of env.avps) {
    const name = key.startsWith('i:') ? `id=<${key.slice(2)}>` : `name=<${key.slice(2)}>`;
    for (const { value, flags } of stack) {
      const text = typeof value === 'number' ? `val_int=<${value}>` : `val_str=<${value} / ${`${value}`.length}>`;
      host.log.write(LEVEL.INFO, 'avpops', `flags=0x${flags.toString(16).padStart(4, '0')} ${name} ${text}`);
    }
  }
  return 1;
}

export const avpops = defineModule({
  name: 'avpops',
  doc: 'Copies, deletes, compares, calculates with and pushes AVPs, and keeps them in a database.',
  atStart: ['db_url'],
  params: {
    db_url: strParam(null, 'Where the functions avp_db_… find their tables.'),
    avp_table: strParam(null, 'The table where none is named: usr_preferences of Kamailio.'),
    use_domain: intParam(0, '1: the domain of a URI counts.'),
    uuid_column: strParam('uuid', 'Column of the ids of users.'),
    attribute_column: strParam('attribute', 'Column of the names of AVPs.'),
    value_column: strParam('value', 'Column of their values.'),
    type_column: strParam('type', 'Column of their types: 1 the value is an int, 2 the name is.'),
    username_column: strParam('username', 'Column of the names of users.'),
    domain_column: strParam('domain', 'Column of their domains.'),
    db_scheme: listParam('Another table: "name:table=t;username_col=u;value_col=v;value_type=integer".', (text) => {
      const scheme = parseScheme(text);
      return typeof scheme === 'string' ? scheme : undefined;
    }),
  },
  check: ({ db_url: url, avp_table: table }) =>
    typeof url === 'string' && url !== '' && !table ? ['db_url wants avp_table'] : [],
  async start(host, params): Promise<Database | undefined> {
    return typeof params.db_url === 'string' && params.db_url !== '' ? openDatabase(host, params.db_url) : undefined;
  },
  reload: () => undefined,
  async stop(_host, state) {
    await (state as Database | undefined)?.close();
  },
  functions: {
    avp_copy: fn({
      doc: 'Copies the newest value of an AVP to another. Flags of the target: g all values, d move them, n to int, s to text.',
      args: [
        parsed<AvpName>('source', 'AVP', bindAvpName),
        parsed<CopyTarget>('target', 'AVP with flags', parseCopyTarget),
      ],
      routes,
      example: 'avp_copy("$avp(old)", "$avp(new)/gd");',
      run: (ctx, _params, source, target) => truth(runCopy(ctx, source, target)),
    }),
    avp_delete: fn({
      doc: 'Deletes the newest value of an AVP, with flag g all of them; `s`, `i` or `a` deletes all AVPs with text names, int names or any.',
      args: [parsed<Deletion>('name', 'AVP with flags', parseDeletion)],
      routes,
      example: 'avp_delete("$avp(x)/g");',
      run: (ctx, _params, deletion) => truth(runDeletion(ctx, deletion)),
    }),
    avp_pushto: fn({
      doc: 'Puts values into $ru, $ru/username, $ru/domain, $du or $br; flag g of the source: all its values, each a branch.',
      args: [
        parsed<Push>('destination', '$ru, $du or $br', parsePlace),
        parsed<Source>('source', 'variable with flags', parseSource),
      ],
      routes,
      example: 'avp_pushto("$ru/domain", "$avp(domains)/g");',
      run: (ctx, _params, push, source) => truth(runPush(ctx, push, source)),
    }),
    avp_check: fn({
      doc: 'Compares by eq, ne, lt, le, gt, ge, re, fm, and, or or xor with a value. Flags: g every value, i ignore case.',
      args: [
        parsed<ValuesReader>('name', 'variable', bindValues),
        parsed<Check>('check', 'operator/value/flags', parseCheck),
      ],
      routes,
      example: 'avp_check("$avp(x)", "lt/i:345/g");',
      run: (ctx, _params, values, check) => truth(runCheck(ctx, values, check)),
    }),
    avp_op: fn({
      doc: 'Calculates with the ints of an AVP: add, sub, mul, div, mod, and, or, xor, not. Flag d removes what was worked on.',
      args: [
        parsed<Pair>('name', 'source/target', parsePair),
        parsed<Operation>('operation', 'operator/value/flags', parseOperation),
      ],
      routes,
      example: 'avp_op("$avp(n)", "add/i:345");',
      run: (ctx, _params, pair, operation) => truth(runOperation(ctx, pair, operation)),
    }),
    is_avp_set: fn({
      doc: 'Has the AVP a value? Flags: e an empty one, s a text, n an int.',
      args: [parsed<Existence>('name', 'AVP with flags', parseExistence)],
      routes,
      example: 'is_avp_set("$avp(x)/s");',
      run: (ctx, _params, existence) => truth(runExistence(ctx, existence)),
    }),
    avp_subst: fn({
      doc: 'Substitutes in the texts of an AVP, `source/target/flags`: g all values, d removes the source. True when one matched.',
      args: [parsed<Places>('avps', 'source/target/flags', parsePlaces), constantSubstitution],
      routes,
      example: 'avp_subst("$avp(x)", "/(.*)@(.*)/\\\\1@$rd/");',
      run: (ctx, _params, places, substitution) => runSubstitution(ctx, places, substitution),
    }),
    avp_subst_pv: fn({
      doc: 'As avp_subst(), the substitution being evaluated as a text with variables first.',
      args: [parsed<Places>('avps', 'source/target/flags', parsePlaces), evaluatedSubstitution],
      routes,
      run: (ctx, _params, places, substitution) => runSubstitution(ctx, places, substitution),
    }),
    avp_db_load: fn({
      doc: 'Loads AVPs of a user, who is a text or a variable with /uuid, /uri, /username or /domain behind it: one by its name, or all whose name is a text (s), an int (i) or either (*); from /table or /$scheme.',
      args: [owner, selection(true)],
      routes,
      waits: true,
      check: needsUrl,
      example:
        'modparam("avpops", "db_url", "sqlite:///tmp/avps.sqlite")\nmodparam("avpops", "avp_table", "usr_preferences")\navp_db_load("$fu", "$avp(language)");',
      run: (ctx, p: DbParams, of, what) => load(ctx, p, of, what),
    }),
    avp_db_store: fn({
      doc: 'Stores those of the AVPs that are not in the database yet.',
      args: [owner, selection(false)],
      routes,
      waits: true,
      check: needsUrl,
      run: (ctx, p: DbParams, of, what) => store(ctx, p, of, what),
    }),
    avp_db_delete: fn({
      doc: 'Deletes rows of a user; AVPs that are loaded stay.',
      args: [owner, selection(false)],
      routes,
      waits: true,
      check: needsUrl,
      run: (ctx, p: DbParams, of, what) => remove(ctx, p, of, what),
    }),
    avp_db_query: fn({
      doc: 'Runs a statement; its columns become the named AVPs, or those with the names 1, 2, …: -2 without rows.',
      args: [str('statement'), opt(parsed<readonly AvpName[]>('avps', 'list of AVPs', parseTargets))],
      routes,
      waits: true,
      check: needsUrl,
      run: (ctx, _params: unknown, statement, targets) => query(ctx, statement, targets),
    }),
    avp_print: fn({ doc: 'Writes every AVP to the log at level L_INFO.', args: [], routes, run: print }),
  },
});
