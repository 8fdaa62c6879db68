/** Kamailio's regex: Perl-compatible regular expressions. */
import { readFile } from 'node:fs/promises';
import type { Context } from '../../runtime/context.js';
import {
  type ArgDefinition,
  type BindEnv,
  type BindResult,
  type BoundArg,
  defineModule,
  fn,
  forms,
  type Host,
  intParam,
  LEVEL,
  RpcFault,
  stateKey,
  str,
  strParam,
} from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { type MadePcre, PcreCache } from './cache.js';
import { parseGroups } from './groups.js';
import type { Pcre, PcreFlags } from './pcre.js';

interface RegexParams {
  readonly file: string | null;
  readonly max_groups: number;
  readonly group_max_size: number;
  readonly pcre_caseless: number;
  readonly pcre_multiline: number;
  readonly pcre_dotall: number;
  readonly pcre_extended: number;
}

/** Return codes of 5.6.3. */
const NO_GROUPS = -2;
const BAD = -4;

interface RegexState {
  params: RegexParams;
  groups: readonly Pcre[];
}

const REGEX = stateKey<RegexState>('regex');

function flagsOf(params: RegexParams): PcreFlags {
  return {
    ignoreCase: params.pcre_caseless !== 0,
    multiline: params.pcre_multiline !== 0,
    dotAll: params.pcre_dotall !== 0,
    extended: params.pcre_extended !== 0,
    ungreedy: false,
  };
}

type Compiled = { readonly source: string; readonly pcre: MadePcre };

/** An expression: a bad constant one is found at the call, as in 5.6.3; one that is not supported refuses the load. */
function expression(name: string): ArgDefinition<Compiled, false> {
  const text = str(name);
  return {
    ...text,
    type: 'PCRE',
    bind(source, env: BindEnv): BindResult<BoundArg<Compiled>> {
      const bound = text.bind(source, env);
      if ('error' in bound) return bound;
      const compiler = new PcreCache(flagsOf(env.params('regex') as unknown as RegexParams));
      const compiled = (s: string): Compiled => ({ source: s, pcre: compiler.compile(s) });
      const made = bound.ok;
      if (made.kind === 'fallible') return { error: 'not a text' };
      if (made.kind === 'dynamic') return { ok: { kind: 'dynamic', get: (ctx: Context) => compiled(made.get(ctx)) } };
      const value = compiled(made.value);
      if ('error' in value.pcre && value.pcre.unsupported) return { error: `'${made.value}': ${value.pcre.error}` };
      return { ok: { kind: 'constant', value } };
    },
  };
}

function logError(host: Host, text: string): void {
  if (host.log.level >= LEVEL.ERR) host.log.write(LEVEL.ERR, 'regex', text);
}

function match(ctx: Context, text: string, { source, pcre }: Compiled): number {
  if ('error' in pcre) {
    logError(ctx.host, `pcre_re compilation of '${source}' failed: ${pcre.error}`);
    return BAD;
  }
  return pcre.ok.test(text) ? 1 : -1;
}

function matchGroup(ctx: Context, text: string, group: string): number {
  const { params, groups } = ctx.host.state(REGEX);
  if (params.file === null) {
    logError(ctx.host, 'group matching is disabled');
    return NO_GROUPS;
  }
  const pcre = groups[parseInt32(group) ?? 0];
  if (pcre === undefined) {
    logError(ctx.host, `invalid pcre index '${group}', there are ${groups.length} pcres`);
    return BAD;
  }
  return pcre.test(text) ? 1 : -1;
}

/** Groups of the file; an Error says what is wrong with it. */
async function load(params: RegexParams): Promise<readonly Pcre[]> {
  if (params.file === null) return [];
  const text = await readFile(params.file, 'latin1').catch((cause: unknown) => {
    throw new Error(`regex: could not open file '${params.file}'`, { cause });
  });
  const groups = parseGroups(text, params, flagsOf(params));
  if ('error' in groups) throw new Error(`regex: ${params.file}: ${groups.error}`);
  return groups.ok;
}

async function reload(state: RegexState, params: RegexParams): Promise<void> {
  state.groups = await load(params);
  state.params = params;
}

const routes = ['request', 'failure', 'reply', 'branch', 'local'] as const;

export const regexModule = defineModule({
  name: 'regex',
  doc: 'Perl-compatible regular expressions (PCRE). A match that would take too many steps is none, as by its match limit.',
  params: {
    file: strParam(null, 'File with groups of expressions: `[0]`, then one a line.'),
    max_groups: intParam(20, 'Most groups in the file.'),
    group_max_size: intParam(8192, 'Most characters of a group.'),
    pcre_caseless: intParam(0, '1: case is ignored.'),
    pcre_multiline: intParam(0, '1: `^` and `$` match at lines.'),
    pcre_dotall: intParam(0, '1: `.` matches a newline too.'),
    pcre_extended: intParam(0, '1: blanks and comments in expressions are left out.'),
  },
  functions: {
    pcre_match: fn({
      doc: 'True if the expression matches somewhere in the text; -4 for a bad expression.',
      args: [str('text'), expression('expression')],
      routes,
      example: 'if (pcre_match("$ua", "(?i)^friendly-scanner")) exit;',
      run: (ctx, _params: unknown, text, pcre) => match(ctx, text, pcre),
    }),
    pcre_match_group: forms(
      fn({
        doc: 'True if an expression of group 0 of the file matches; -4 for an unknown group.',
        args: [str('text')],
        routes,
        run: (ctx, _params: unknown, text) => matchGroup(ctx, text, '0'),
      }),
      fn({
        doc: 'True if an expression of a group of the file matches; -4 for an unknown group.',
        args: [str('text'), str('group')],
        routes,
        run: (ctx, _params: unknown, text, group) => matchGroup(ctx, text, group),
      }),
    ),
  },
  rpc: {
    'regex.reload': {
      doc: 'Reads the file with the groups again.',
      async run(host) {
        const state = host.state(REGEX);
        if (state.params.file === null) throw new RpcFault(500, 'Group matching not enabled');
        await reload(state, state.params).catch((error: unknown) => {
          logError(host, error instanceof Error ? error.message : String(error));
          throw new RpcFault(500, 'Failed to reload');
        });
        return undefined;
      },
    },
  },
  missing: ['backtracking verbs but (*FAIL): (*ACCEPT), (*COMMIT), (*PRUNE), (*SKIP), (*THEN), (*UTF8)'],
  async start(_host, params): Promise<RegexState> {
    const all = params as unknown as RegexParams;
    return { params: all, groups: await load(all) };
  },
  async reload(host, state, params) {
    await reload(state as RegexState, params as unknown as RegexParams).catch((error: unknown) => {
      logError(host, error instanceof Error ? error.message : String(error));
    });
  },
});
