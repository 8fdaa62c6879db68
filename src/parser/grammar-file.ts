/** Rules for what stands outside of blocks, and for the blocks themselves (language.md, sections 4 and 8). */
import { moduleName, SUBST_HINT } from './directives.js';
import { ParamRules } from './grammar-param.js';
import { LOOKAHEAD } from './grammar-table.js';
import type { Lookahead } from './lookahead.js';
import type { Problem, Span } from './problem.js';
import { AnyRouteWord, T, type Token } from './tokens.js';
import type {
  BlockKind,
  FlagsItem,
  Item,
  LoadModule,
  ModParam,
  PathItem,
  RouteBlock,
  Statement,
  VariableExpr,
} from './tree.js';

const MAX_FLAG = 31;

const BLOCK_KINDS: Readonly<Record<string, BlockKind>> = {
  route: 'request_route',
  request_route: 'request_route',
  reply_route: 'reply_route',
  onreply_route: 'reply_route',
  failure_route: 'failure_route',
  branch_route: 'branch_route',
  onsend_route: 'onsend_route',
  event_route: 'event_route',
};

/** What the parser says about a header that is wrong. */
const BLOCK_ERRORS: Readonly<Record<string, string>> = {
  route: 'invalid  route  statement',
  request_route: 'invalid  request_route  statement',
  reply_route: 'invalid onreply_route statement',
  onreply_route: 'invalid onreply_route statement',
  failure_route: 'invalid failure_route statement',
  branch_route: 'invalid branch_route statement',
  onsend_route: 'invalid onsend_route statement',
  event_route: 'invalid event_route statement',
};

interface BlockName {
  readonly name?: string;
  readonly nameSpan?: Span;
}

interface BlockHeader extends BlockName {
  /** `[0]`: the main block by number. */
  readonly isZero: boolean;
}

export class FileRules extends ParamRules {
  /** Where each block was defined first: of those with more in them than `;`. */
  #blocks = new Map<string, Span>();
  #itemStart: unknown;

  constructor(validate = false) {
    super(validate);
    if (validate) this.performSelfAnalysis();
    else this.takeAnalysis(LOOKAHEAD);
  }

  /** What the analysis found, by chevrotain's keys, and its numbers of the rules. */
  get lookaheads(): ReadonlyMap<number, Lookahead> {
    return this.lookAheadFuncsCache;
  }

  get ruleNumbers(): Readonly<Record<string, number>> {
    return this.fullRuleNameToShort;
  }

  override start(...args: Parameters<ParamRules['start']>): void {
    super.start(...args);
    this.flags = new Map();
    this.avpFlags = new Set();
    this.#blocks = new Map();
    this.globals = new Set();
  }

  file = this.RULE('file', (): Item[] => {
    const items: Item[] = [];
    do {
      try {
        this.MANY(() => {
          const item = this.SUBRULE(this.item);
          if (item) items.push(item);
        });
      } catch (error) {
        this.caught(error, '');
        this.skipItem();
        if (this.LA(1) === this.#itemStart) this.SKIP_TOKEN();
        continue;
      }
      if (this.RECORDING_PHASE || this.atEnd) break;
      this.statementStart = this.token(1);
      this.syntaxError('', { missing: 'item' });
      this.skipItem();
    } while (!this.atEnd);
    return items;
  });

  private item = this.RULE('item', (): Item | undefined => {
    if (!this.RECORDING_PHASE) {
      this.statementStart = undefined;
      this.#itemStart = this.LA(1);
    }
    return this.OR<Item | undefined>([
      {
        ALT: () => {
          this.CONSUME(T.Semicolon);
          return undefined;
        },
      },
      { ALT: () => this.SUBRULE(this.coreParam) },
      { ALT: () => this.SUBRULE(this.listen) },
      { ALT: () => this.SUBRULE(this.kemi) },
      { ALT: () => this.SUBRULE(this.customGlobal) },
      { ALT: () => this.SUBRULE(this.flagsItem) },
      { ALT: () => this.SUBRULE(this.avpFlagsItem) },
      { ALT: () => this.SUBRULE(this.loadModule) },
      { ALT: () => this.SUBRULE(this.pathItem) },
      { ALT: () => this.SUBRULE(this.modParam) },
      { ALT: () => this.SUBRULE(this.block) },
      {
        ALT: () => {
          const word = this.CONSUME(T.Subst) as Token;
          const name = this.ACTION(() => word.image.slice(2));
          const rule = this.need(1, T.String, `invalid ${name} preprocess statement`, { missing: 'value' });
          this.ACTION(() => this.checkSubst(word, rule));
          return undefined;
        },
      },
    ]);
  });

  /** Kamailio notices a bad rule with the next token, but one at the very start without a place. */
  private checkSubst(word: Token, { wrong: why, span }: Token): void {
    if (why === undefined) return;
    if (this.input[0] === word) this.problem('bad-subst', { why }, span, { hint: SUBST_HINT });
    else this.problem('bad-subst', { why }, this.spanAt(1), { hint: SUBST_HINT, cause: { span, label: 'this rule' } });
  }

  // ------------------------------------------------------------------ flags

  private flagName = this.RULE('flagName', (text: string): Token => {
    if (!this.RECORDING_PHASE && this.type(1) !== T.Id && this.type(1) !== T.String) {
      this.panic(text, { missing: 'name' });
    }
    return this.OR([{ ALT: () => this.CONSUME(T.Id) }, { ALT: () => this.CONSUME(T.String) }]) as Token;
  });

  private flagsItem = this.RULE('flagsItem', (): FlagsItem => {
    const start = this.CONSUME(T.Flags) as Token;
    const flags: FlagsItem['flags'][number][] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: T.Comma,
      DEF: () => {
        const name = this.SUBRULE(this.flagName, { ARGS: ['flag list expected'] });
        let number: Token | undefined;
        this.OPTION(() => {
          this.CONSUME(T.Colon);
          number = this.need(1, T.Number, 'flag list expected', { missing: 'value' });
        });
        this.ACTION(() => flags.push(this.declareFlag(name, number)));
      },
    });
    return this.ACTION(() => ({ kind: 'flags', flags, span: this.from(start.span) }));
  });

  private declareFlag(token: Token, numberToken: Token | undefined): FlagsItem['flags'][number] {
    const name = String(token.value);
    const number = numberToken && Number(numberToken.value);
    // Kamailio notices when it has seen that no number follows.
    const noticed = numberToken?.span ?? this.spanAt(1);
    const wrong = this.flags.has(name)
      ? `flag ${name} already registered`
      : number !== undefined && (number < 0 || number > MAX_FLAG)
        ? `invalid flag ${name} position(${number})`
        : undefined;
    if (wrong) {
      const cause = { span: token.span, label: 'this one' };
      this.problem('register-flag', { why: wrong }, noticed, {
        hint: `flags are 0 to ${MAX_FLAG}, each name once`,
        cause,
      });
    } else {
      const used = new Set(this.flags.values());
      if (number !== undefined && used.has(number)) this.problem('shared-flag', { name, number }, noticed);
      let free = 0;
      while (used.has(free)) free += 1;
      this.flags.set(name, number ?? free);
    }
    return { name, ...(number === undefined ? {} : { number }), span: token.span };
  }

  private avpFlagsItem = this.RULE('avpFlagsItem', (): FlagsItem => {
    const start = this.CONSUME(T.AvpFlags) as Token;
    const flags: FlagsItem['flags'][number][] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: T.Comma,
      DEF: () => {
        const token = this.SUBRULE(this.flagName, { ARGS: ['avpflag list expected'] });
        this.ACTION(() => {
          const name = String(token.value);
          this.avpFlags.add(name);
          flags.push({ name, span: token.span });
        });
      },
    });
    return this.ACTION(() => ({ kind: 'avpflags', flags, span: this.from(start.span) }));
  });

  // ---------------------------------------------------------------- modules

  private loadModule = this.RULE('loadModule', (): LoadModule => {
    const word = this.CONSUME(T.LoadModule) as Token;
    const path = this.need(1, T.String, 'string expected', { missing: 'value' });
    return this.ACTION(() => ({
      kind: 'loadmodule',
      path: String(path.value),
      name: moduleName(String(path.value)),
      dynamic: word.image === 'loadmodulex',
      span: this.from(word.span),
    }));
  });

  private pathItem = this.RULE('pathItem', (): PathItem => {
    const word = this.OR([{ ALT: () => this.CONSUME(T.LoadPath) }, { ALT: () => this.CONSUME(T.CfgEngine) }]) as Token;
    this.OPTION(() => this.CONSUME(T.Equal));
    const path = this.need(1, T.String, 'string expected', { missing: 'value' });
    return this.ACTION(() => ({
      kind: word.tokenType === T.CfgEngine ? 'cfgengine' : 'loadpath',
      value: String(path.value),
      span: this.from(word.span),
    }));
  });

  private modParam = this.RULE('modParam', (): ModParam => {
    const text = 'Invalid arguments';
    const word = this.CONSUME(T.ModParam) as Token;
    const open = this.need(1, T.LParen, text);
    const modules = this.need(2, T.String, text, { missing: 'value' });
    this.need(3, T.Comma, text, { missing: 'value' });
    const param = this.need(4, T.String, text, { missing: 'value' });
    this.need(5, T.Comma, text, { missing: 'value' });
    const value = this.SUBRULE(this.modParamValue, { ARGS: [word] });
    this.need(6, T.RParen, text, { missing: ')', opened: open?.span });
    return this.ACTION(() => ({
      kind: 'modparam',
      modules: String(modules.value),
      param: String(param.value),
      paramSpan: param.span,
      value: value.value,
      valueSpan: value.span,
      dynamic: word.image === 'modparamx',
      span: this.from(word.span),
    }));
  });

  private modParamValue = this.RULE('modParamValue', (word: Token): { value: ModParam['value']; span: Span } => {
    const allowed =
      word?.image === 'modparamx' ? [T.String, T.Number, T.Minus, T.Variable] : [T.String, T.Number, T.Minus];
    if (!this.RECORDING_PHASE && !allowed.includes(this.type(1))) {
      this.panic('Invalid arguments', { missing: 'value' });
    }
    return this.OR([
      {
        ALT: () => {
          const { value, span } = this.CONSUME(T.String) as Token;
          return this.ACTION(() => ({ value: String(value), span }));
        },
      },
      {
        ALT: () => {
          const minus = this.OPTION(() => this.CONSUME(T.Minus)) as Token | undefined;
          const number = this.need(1, T.Number, 'Invalid arguments', { missing: 'value' });
          return this.ACTION(() => ({
            value: ((minus ? -1 : 1) * Number(number.value)) | 0,
            span: this.from((minus ?? number).span),
          }));
        },
      },
      {
        ALT: () => {
          const { value, span } = this.CONSUME(T.Variable) as Token;
          return this.ACTION((): { value: VariableExpr; span: Span } => ({
            value: { kind: 'variable', text: String(value), span },
            span,
          }));
        },
      },
    ]);
  });

  // ----------------------------------------------------------------- blocks

  private block = this.RULE('block', (): RouteBlock => {
    const word = this.CONSUME(AnyRouteWord) as Token;
    const kind = this.ACTION(() => BLOCK_KINDS[word.image]) as BlockKind;
    const header = this.SUBRULE(this.blockName, { ARGS: [word] });
    this.blockKind = kind;
    if (!this.RECORDING_PHASE && this.type(1) !== T.LBrace) this.panic(BLOCK_ERRORS[word.image] ?? '');
    const body = this.SUBRULE(this.body);
    this.blockKind = undefined;
    return this.ACTION(() => {
      // Where the end is missing there is enough to say already.
      if (this.LA(0).tokenType === T.RBrace) this.checkDuplicate(kind, header, body.statements, word.span);
      const { isZero, ...name } = header;
      return { kind: 'block', block: kind, keyword: word.image, ...name, body, span: this.from(word.span) };
    });
  });

  /** `[name]`; when it is wrong the block is read all the same. */
  private blockName = this.RULE('blockName', (word: Token): BlockHeader => {
    const text = BLOCK_ERRORS[word?.image ?? ''] ?? '';
    const unnamed = word?.image === 'reply_route' || word?.image === 'request_route';
    let name: Token | undefined;
    try {
      this.OPTION({
        GATE: () => word.tokenType !== T.MainRoute,
        DEF: () => {
          this.CONSUME(T.LBracket);
          const allowed = word?.tokenType === T.EventRoute ? [T.EventName] : [T.Id, T.Number, T.String];
          if (!this.RECORDING_PHASE && !allowed.includes(this.type(1))) this.panic(text, this.nameNotice(word));
          name = this.OR([
            { ALT: () => this.CONSUME(T.Id) },
            { ALT: () => this.CONSUME(T.Number) },
            { ALT: () => this.CONSUME(T.String) },
            { ALT: () => this.CONSUME(T.EventName) },
          ]) as Token;
          this.need(1, T.RBracket, text, this.RECORDING_PHASE ? {} : this.nameNotice(word));
        },
      });
      if (!this.RECORDING_PHASE && this.type(1) !== T.LBrace) this.panic(text, unnamed ? { missing: 'unnamed' } : {});
      if (!this.RECORDING_PHASE && word.tokenType === T.EventRoute && !name) this.panic(text);
    } catch (error) {
      this.caught(error, text);
      this.skipToBody();
    }
    return this.ACTION(() => {
      const value = name && String(name.value);
      if (name === undefined || value === undefined || value === '0') return { isZero: value === '0' };
      return { name: value, nameSpan: name.span, isZero: false };
    });
  });

  private nameNotice(word: Token): { missing: 'name' | 'event' } {
    return { missing: word.tokenType === T.EventRoute ? 'event' : 'name' };
  }

  private skipToBody(): void {
    while (!this.atEnd && this.type(1) !== T.LBrace) {
      if (this.type(1) === T.RBrace || this.type(1) === T.Semicolon) return;
      if (this.token(1)?.firstOnLine) return;
      this.SKIP_TOKEN();
    }
  }

  /** A named block may stand once, unless the first has only `;` in it; route[0] may not follow route. */
  private checkDuplicate(
    kind: BlockKind,
    { name, isZero }: BlockHeader,
    statements: readonly Statement[],
    start: Span,
  ): void {
    const key = `${kind} ${name ?? ''}`;
    const first = this.#blocks.get(key);
    if (first && (name !== undefined || (isZero && kind !== 'reply_route'))) {
      const cause: Problem['cause'] = { span: first, label: 'defined here already' };
      const hint = `the block that begins in line ${start.line} has the name of the one in line ${first.line}`;
      this.problem('duplicate-route', {}, this.spanAt(0), { hint, cause });
    }
    if (statements.some((statement) => statement.kind !== 'empty')) this.#blocks.set(key, first ?? start);
  }
}
