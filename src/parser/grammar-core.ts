/** Rules for the statements of the core and their literal arguments (language.md, section 10). */
import { CORE_STATEMENT_BY_NAME, type CoreArgType, type CoreStatementInfo } from './core-statements.js';
import { type Address, AddressRules, type Host, listenAddress } from './grammar-address.js';
import { Panic } from './grammar-base.js';
import { join, type Span } from './problem.js';
import { AnyCoreStatement, T, type Token } from './tokens.js';
import type { CoreArg, CoreStatement, Expr } from './tree.js';

/** What an onsend_route may do. */
export const ONSEND_HINT =
  'an onsend_route may log, use flags, assign, drop, and call functions that modules allow there';

const NO_PARENS = "missing '(' or ')' ?";
const MAX_FLAG = 31;

type Types = readonly (CoreArgType | undefined)[];

export abstract class CoreRules extends AddressRules {
  abstract expression: (idx?: number) => Expr;
  /** Flags declared so far, with their numbers. */
  protected flags = new Map<string, number>();
  protected avpFlags = new Set<string>();

  protected coreStatement = this.RULE('coreStatement', (): CoreStatement => {
    const token = this.CONSUME(AnyCoreStatement) as Token;
    const info = this.ACTION(() => CORE_STATEMENT_BY_NAME.get(token.image)) as CoreStatementInfo;
    const args: CoreArg[] = [];
    let expr: Expr | undefined;
    let called = false;
    this.OPTION(() => {
      this.CONSUME(T.LParen);
      called = true;
      expr = this.SUBRULE(this.coreArguments, { ARGS: [info, args] });
    });
    this.ACTION(() => {
      if (!called && !info.bare) this.panic(NO_PARENS);
      if (this.blockKind === 'onsend_route' && !info.onsend) {
        this.problem('onsend-command', {}, this.spanAt(called ? 0 : 1), { hint: ONSEND_HINT });
      }
    });
    return this.ACTION(() => ({
      kind: 'core',
      name: token.image,
      args,
      ...(expr === undefined ? {} : { expr }),
      span: this.from(token.span),
    }));
  });

  /** Up to the closing parenthesis; wrong arguments are reported and passed over. */
  private coreArguments = this.RULE('coreArguments', (info: CoreStatementInfo, args: CoreArg[]): Expr | undefined => {
    const open = this.token(0);
    let expr: Expr | undefined;
    let forms: CoreStatementInfo['forms'] = [];
    this.ACTION(() => {
      forms = info.forms;
    });
    const text = info?.expected ?? '';
    try {
      let index = 0;
      this.MANY_SEP({
        SEP: T.Comma,
        DEF: () => {
          const types = forms.map((form) => form[index]);
          this.OR([
            {
              GATE: () => types.includes('expr'),
              ALT: () => {
                expr = this.SUBRULE(this.expression);
              },
            },
            {
              ALT: () => {
                const at = this.LA(1) as Token;
                const arg = this.SUBRULE(this.coreArg, { ARGS: [text, types] });
                this.ACTION(() => {
                  forms = forms.filter((form) => fits(arg, form[index]));
                  if (forms.length === 0) this.wrongArgument(info, at);
                  args.push(arg.arg);
                });
              },
            },
          ]);
          index += 1;
        },
      });
      this.ACTION(() => {
        if (!forms.some((form) => form.length === index)) this.panic(text);
      });
      this.need(1, T.RParen, text, { missing: ')', opened: open?.span });
      this.ACTION(() => this.checkFlags(info, args));
    } catch (error) {
      this.caught(error, text);
      this.skipArguments();
    }
    return expr;
  });

  private wrongArgument(info: CoreStatementInfo, at: Token): never {
    const isValue = at.tokenType === T.Variable || at.tokenType === T.Id;
    this.errorAt(at, info.expected, isValue ? `\`${info.name}\` takes literals only, no variables or expressions` : '');
    throw new Panic();
  }

  private coreArg = this.RULE('coreArg', (text: string, types: Types): Arg => {
    const first = this.LA(1) as Token;
    return this.OR<Arg>([
      {
        GATE: () => types.includes('socket'),
        ALT: () => {
          const address = this.SUBRULE(this.address, { ARGS: [text, false] });
          return this.ACTION(() => socketArg(address, this.from(first.span)));
        },
      },
      {
        GATE: () => types.includes('host'),
        ALT: () => {
          const host = this.SUBRULE(this.host, { ARGS: [text] });
          return this.ACTION(() => hostArg(host));
        },
      },
      {
        // Where a host may stand, a number begins an address.
        GATE: () => this.atIp || (types.includes('address') && this.type(1) === T.Number),
        ALT: () => {
          const host = this.SUBRULE(this.ip, { ARGS: [text] });
          return this.ACTION(() => hostArg(host));
        },
      },
      {
        GATE: () => types.includes('address'),
        ALT: () => {
          const host = this.SUBRULE(this.plainHost);
          return this.ACTION(() => hostArg(host));
        },
      },
      { ALT: () => this.SUBRULE(this.coreNumber, { ARGS: [text] }) },
      { ALT: () => this.SUBRULE(this.coreWord) },
    ]);
  });

  private coreNumber = this.RULE('coreNumber', (text: string): Arg => {
    const minus = this.OPTION(() => this.CONSUME(T.Minus)) as Token | undefined;
    const { value, span } = this.need(1, T.Number, text);
    return this.ACTION((): Arg => {
      if (!minus) return { is: 'number', arg: { kind: 'number', value: Number(value), span } };
      return { is: 'negative', arg: { kind: 'number', value: -Number(value) | 0, span: join(minus.span, span) } };
    });
  });

  private coreWord = this.RULE('coreWord', (): Arg => {
    const { tokenType, image, value, span } = this.OR([
      { ALT: () => this.CONSUME(T.String) },
      { ALT: () => this.CONSUME(T.Variable) },
      { ALT: () => this.CONSUME(T.Id) },
      { ALT: () => this.CONSUME(T.UriHost) },
      { ALT: () => this.CONSUME(T.UriPort) },
      { ALT: () => this.CONSUME(T.Proto) },
      { ALT: () => this.CONSUME(T.Star) },
    ]) as Token;
    return this.ACTION((): Arg => {
      switch (tokenType) {
        case T.String:
          return { is: 'string', arg: { kind: 'string', value: String(value), span } };
        case T.Variable:
          return { is: 'variable', arg: { kind: 'variable', value: String(value), span } };
        case T.UriHost:
          return { is: 'uri-host', arg: { kind: 'uri-host', span } };
        case T.UriPort:
          return { is: 'uri-port', arg: { kind: 'uri-port', span } };
        default:
          return { is: tokenType === T.Id ? 'id' : 'proto', arg: { kind: 'id', value: image, span } };
      }
    });
  });

  /** After wrong arguments: to behind the `)` that ends them, if it is on the way. */
  private skipArguments(): void {
    for (let open = 0; !this.atEnd; ) {
      const type = this.type(1);
      if (type === T.Semicolon || type === T.LBrace || type === T.RBrace || this.atNewStatement) return;
      this.SKIP_TOKEN();
      if (type === T.LParen) open += 1;
      else if (type === T.RParen) {
        if (open === 0) return;
        open -= 1;
      }
    }
  }

  /** Flags must be declared before they are used by name. */
  private checkFlags(info: CoreStatementInfo, args: readonly CoreArg[]): void {
    info.forms[0]?.forEach((type, i) => {
      const arg = args[i];
      if (!arg) return;
      if (type === 'flag') this.checkFlag(arg);
      if (type === 'avpflag' && 'value' in arg && !this.avpFlags.has(String(arg.value))) {
        this.problem('avpflag-not-declared', {}, this.spanAt(0), { hint: `declare it: avpflags ${arg.value}` });
      }
    });
  }

  private checkFlag(arg: CoreArg): void {
    if (arg.kind === 'number') {
      if (arg.value >= 0 && arg.value <= MAX_FLAG) return;
      this.problem('bad-flag', {}, this.spanAt(0), { hint: `flags are 0 to ${MAX_FLAG}` });
    } else if ('value' in arg && !this.flags.has(arg.value)) {
      const hint = `declare it before this place: flags ${arg.value} (or #!define ${arg.value} with a number)`;
      this.problem('flag-not-declared', {}, this.spanAt(0), { hint });
    }
  }
}

/** An argument with what it looks like. */
interface Arg {
  readonly is: 'variable' | 'uri-host' | 'uri-port' | 'number' | 'negative' | 'proto' | 'socket' | Host['kind'];
  readonly arg: CoreArg;
}

const FITTING: Readonly<Record<CoreArgType, readonly Arg['is'][]>> = {
  text: ['string'],
  int: ['number'],
  signed: ['number', 'negative'],
  host: ['string', 'id', 'ip'],
  address: ['string', 'id', 'ip'],
  'uri-host': ['uri-host'],
  'uri-port': ['uri-port'],
  flag: ['number', 'id', 'string'],
  avpflag: ['id', 'string'],
  avp: ['string', 'variable'],
  proto: ['proto'],
  socket: ['socket'],
  expr: [],
};

function fits({ is }: Arg, type: CoreArgType | undefined): boolean {
  return type !== undefined && FITTING[type].includes(is);
}

function hostArg({ kind, text, span }: Host): Arg {
  return { is: kind, arg: { kind, value: text, span } };
}

function socketArg(address: Address, span: Span): Arg {
  const host = address.hosts[0] as Host;
  const { proto, port } = address;
  const value = `${proto === undefined ? '' : `${proto}:`}${host.text}${port === undefined ? '' : `:${port || '*'}`}`;
  return { is: 'socket', arg: { kind: 'string', value, span, address: listenAddress(address) } };
}
