/** Rules for hosts, addresses and the literal arguments of core statements. */
import type { CoreArgType } from './core-statements.js';
import { CORE_STATEMENT_BY_NAME, type CoreStatementInfo } from './core-statements.js';
import { GrammarBase, Panic } from './grammar-base.js';
import { join, type Span } from './problem.js';
import { AnyCoreStatement, T, type Token } from './tokens.js';
import type { CoreArg, CoreStatement, Expr, ListenAddress } from './tree.js';

/** A host as written: an IP address, a name, a quoted string, or a single number. */
export interface Host {
  readonly kind: 'ip' | 'id' | 'string' | 'number';
  readonly text: string;
  /** For a single number. */
  readonly value: number;
  readonly span: Span;
}

export interface Address {
  readonly proto?: string;
  readonly hosts: readonly Host[];
  /** Missing for none; 0 for `*`. */
  readonly port?: number;
  readonly span: Span;
}

/** What an onsend_route may do. */
export const ONSEND_HINT =
  'an onsend_route may log, use flags, assign, drop, and call functions that modules allow there';

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const HOST_ERROR = 'invalid host or interface name';

export abstract class AddressRules extends GrammarBase {
  abstract expression: (idx?: number) => Expr;

  /** Names, numbers and dots: `my-host.example`, `eth0`, `192.0.2.1`; quoted, or an IPv6 address. */
  protected host = this.RULE('host', (): Host => {
    const first = this.LA(1) as Token;
    return this.OR<Host>([
      {
        ALT: () => {
          const token = this.CONSUME(T.String) as Token;
          return this.ACTION(() => ({ kind: 'string', text: String(token.value), value: 0, span: token.span }));
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(T.Ipv6) as Token;
          return this.ACTION(() => ({ kind: 'ip', text: token.image, value: 0, span: token.span }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.LBracket);
          const token = this.CONSUME2(T.Ipv6) as Token;
          this.need(1, T.RBracket, HOST_ERROR);
          return this.ACTION(() => ({ kind: 'ip', text: `[${token.image}]`, value: 0, span: this.from(first.span) }));
        },
      },
      { ALT: () => this.SUBRULE(this.hostWord) },
    ]);
  });

  protected hostWord = this.RULE('hostWord', (): Host => {
    const first = this.SUBRULE(this.hostPart);
    let text = this.ACTION(() => first.image);
    let parts = 1;
    this.MANY(() => {
      const separator = this.OR([{ ALT: () => this.CONSUME(T.Dot) }, { ALT: () => this.CONSUME(T.Minus) }]);
      if (!this.RECORDING_PHASE && ![T.Id, T.NumId, T.Number].includes(this.type(1))) {
        this.panic(HOST_ERROR, { missing: 'host' });
      }
      const part = this.SUBRULE2(this.hostPart);
      this.ACTION(() => {
        text += separator.image + part.image;
        parts += 1;
      });
    });
    return this.ACTION(() => {
      const span = this.from(first.span);
      if (IPV4.test(text)) {
        if (text.split('.').some((part) => Number(part) > 255)) this.problem('bad-ipv4', {}, this.spanAt(0));
        return { kind: 'ip', text, value: 0, span };
      }
      const isNumber = parts === 1 && first.tokenType === T.Number;
      return { kind: isNumber ? 'number' : 'id', text, value: isNumber ? Number(first.value) : 0, span };
    });
  });

  private hostPart = this.RULE(
    'hostPart',
    (): Token =>
      this.OR([
        { ALT: () => this.CONSUME(T.Id) },
        { ALT: () => this.CONSUME(T.NumId) },
        { ALT: () => this.CONSUME(T.Number) },
      ]) as Token,
  );

  /** `[proto:]host[:port]`, the host `(a, b)` for SCTP. */
  protected address = this.RULE('address', (): Address => {
    const first = this.LA(1) as Token;
    let proto: string | undefined;
    this.OPTION(() => {
      const token = this.OR([{ ALT: () => this.CONSUME(T.Proto) }, { ALT: () => this.CONSUME(T.Star) }]);
      this.need(1, T.Colon, '');
      proto = token.image;
    });
    const hosts: Host[] = [];
    this.OR2([
      {
        ALT: () => {
          this.CONSUME(T.LParen);
          this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => hosts.push(this.SUBRULE(this.host)) });
          this.need(1, T.RParen, HOST_ERROR);
        },
      },
      { ALT: () => hosts.push(this.SUBRULE2(this.host)) },
    ]);
    let port: number | undefined;
    this.OPTION2(() => {
      this.CONSUME2(T.Colon);
      if (!this.RECORDING_PHASE && this.type(1) !== T.Number && this.type(1) !== T.Star) {
        this.panic('port number expected', { missing: 'value' });
      }
      const token = this.OR3([{ ALT: () => this.CONSUME2(T.Number) }, { ALT: () => this.CONSUME2(T.Star) }]) as Token;
      port = this.ACTION(() => (token.tokenType === T.Star ? 0 : Number(token.value)));
    });
    return this.ACTION(() => ({
      ...(proto === undefined ? {} : { proto: proto.toLowerCase() }),
      hosts,
      ...(port === undefined ? {} : { port }),
      span: this.from(first.span),
    }));
  });

  // -------------------------------------------------- statements of the core

  protected coreStatement = this.RULE('coreStatement', (): CoreStatement => {
    const token = this.CONSUME(AnyCoreStatement) as Token;
    const info = this.ACTION(() => CORE_STATEMENT_BY_NAME.get(token.image)) as CoreStatementInfo;
    const args: CoreArg[] = [];
    let expr: Expr | undefined;
    let called = false;
    this.OPTION({
      GATE: () => !info.bare || this.type(1) === T.LParen,
      DEF: () => {
        this.CONSUME(T.LParen);
        called = true;
        expr = this.SUBRULE(this.coreArguments, { ARGS: [info, args] });
      },
    });
    this.ACTION(() => {
      if (!called && !info.bare) this.panic("missing '(' or ')' ?");
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
    try {
      let forms = this.ACTION(() => info.forms);
      this.OPTION({
        GATE: () => this.type(1) !== T.RParen,
        DEF: () => {
          let index = 0;
          this.AT_LEAST_ONE_SEP({
            SEP: T.Comma,
            DEF: () => {
              const types = this.ACTION(() => forms.map((form) => form[index]));
              this.OR([
                {
                  GATE: () => types.includes('expr'),
                  ALT: () => {
                    expr = this.SUBRULE(this.expression);
                  },
                },
                {
                  ALT: () => {
                    const at = this.LA(1);
                    const arg = this.SUBRULE(this.coreArg, { ARGS: [info, types] });
                    this.ACTION(() => {
                      forms = forms.filter((form) => form[index] !== undefined && fits(arg, form[index]));
                      if (forms.length === 0) this.wrongArgument(info, at as Token);
                      args.push(arg.arg);
                    });
                  },
                },
              ]);
              index += 1;
            },
          });
          this.ACTION(() => {
            if (!forms.some((form) => form.length === index)) this.panic(info.expected);
          });
        },
      });
      this.ACTION(() => {
        if (args.length === 0 && !expr && !forms.some((form) => form.length === 0)) this.panic(info.expected);
      });
      this.need(1, T.RParen, info?.expected ?? '', { missing: ')', opened: open?.span });
      if (this.blockKind !== undefined) this.ACTION(() => this.checkFlags(info, args));
    } catch (error) {
      this.caught(error, info?.expected ?? '');
      this.skipArguments();
    }
    return expr;
  });

  private wrongArgument(info: CoreStatementInfo, at: Token): never {
    const isValue = at.tokenType === T.Variable || at.tokenType === T.Id;
    this.errorAt(at, info.expected, isValue ? `\`${info.name}\` takes literals only, no variables or expressions` : '');
    throw new Panic();
  }

  private coreArg = this.RULE(
    'coreArg',
    (info: CoreStatementInfo, types: readonly (CoreArgType | undefined)[]): Arg => {
      const first = this.LA(1) as Token;
      return this.OR<Arg>([
        {
          ALT: () => {
            const { value, span } = this.CONSUME(T.Variable) as Token;
            return this.ACTION(() => ({ is: 'variable', arg: { kind: 'variable', value: String(value), span } }));
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(T.UriHost) as Token;
            return { is: 'uri-host', arg: { kind: 'uri-host', span: token.span } };
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(T.UriPort) as Token;
            return { is: 'uri-port', arg: { kind: 'uri-port', span: token.span } };
          },
        },
        {
          ALT: () => {
            const minus = this.CONSUME(T.Minus) as Token;
            if (!this.RECORDING_PHASE && this.type(1) !== T.Number) this.panic(info.expected);
            const token = this.CONSUME2(T.Number) as Token;
            return this.ACTION(() => ({
              is: 'negative',
              arg: { kind: 'number', value: -Number(token.value) | 0, span: join(minus.span, token.span) },
            }));
          },
        },
        {
          GATE: () => this.type(1) === T.Proto && this.type(2) !== T.Colon,
          ALT: () => {
            const { image, span } = this.CONSUME(T.Proto) as Token;
            return { is: 'proto', arg: { kind: 'id', value: image, span } };
          },
        },
        {
          GATE: () => !types?.includes('socket'),
          ALT: () => {
            const host = this.SUBRULE(this.host);
            return this.ACTION(() => hostArg(host));
          },
        },
        {
          ALT: () => {
            const address = this.SUBRULE(this.address);
            return this.ACTION(() => socketArg(address, this.from(first.span)));
          },
        },
      ]);
    },
  );

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

  protected abstract checkFlags(info: CoreStatementInfo, args: readonly CoreArg[]): void;
}

/** An argument with what it looks like. */
interface Arg {
  readonly is: 'variable' | 'uri-host' | 'uri-port' | 'negative' | 'proto' | 'socket' | Host['kind'];
  readonly arg: CoreArg;
}

const FITTING: Readonly<Record<CoreArgType, readonly Arg['is'][]>> = {
  text: ['string'],
  int: ['number'],
  signed: ['number', 'negative'],
  host: ['string', 'id', 'ip', 'number'],
  address: ['string', 'id', 'ip', 'uri-host'],
  port: ['number', 'uri-port'],
  flag: ['number', 'id', 'string'],
  avpflag: ['id', 'string'],
  avp: ['string', 'variable'],
  proto: ['proto'],
  socket: ['socket', 'string', 'id', 'ip', 'number'],
  expr: [],
};

function fits({ is }: Arg, type: CoreArgType | undefined): boolean {
  return type !== undefined && FITTING[type].includes(is);
}

function hostArg({ kind, text, value, span }: Host): Arg {
  if (kind === 'number') return { is: 'number', arg: { kind, value, span } };
  return { is: kind, arg: { kind, value: text, span } };
}

function socketArg(address: Address, span: Span): Arg {
  const host = address.hosts[0] as Host;
  const { proto, port } = address;
  const value = `${proto === undefined ? '' : `${proto}:`}${host.text}${port === undefined ? '' : `:${port || '*'}`}`;
  return { is: 'socket', arg: { kind: 'string', value, span, address: listenAddress(address) } };
}

export function listenAddress({ proto, hosts, port, span }: Address): ListenAddress {
  return {
    ...(proto === undefined || proto === '*' ? {} : { proto }),
    hosts: hosts.map(({ text }) => text),
    ...(port === undefined ? {} : { port }),
    span,
  };
}
