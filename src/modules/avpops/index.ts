import { defineModule, fn, LEVEL, parsed, type RouteContext } from '../../runtime/module.js';
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
  doc: 'Copies, deletes, compares, calculates with and pushes AVPs.',
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
    avp_print: fn({ doc: 'Writes every AVP to the log at level L_INFO.', args: [], routes, run: print }),
  },
  missing: ['avp_db_load', 'avp_db_store', 'avp_db_delete', 'avp_db_query'],
});
