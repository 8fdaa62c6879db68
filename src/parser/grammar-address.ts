/** Rules for hosts and addresses (language.md, sections 4, 10 and 11). */
import { GrammarBase } from './grammar-base.js';
import type { Span } from './problem.js';
import { T, type Token } from './tokens.js';
import type { ListenAddress } from './tree.js';

/** A host as written: an IP address, a name, a quoted string. */
export interface Host {
  readonly kind: 'ip' | 'id' | 'string';
  readonly text: string;
  readonly span: Span;
}

export interface Address {
  readonly proto?: string;
  readonly hosts: readonly Host[];
  /** Missing for none; 0 for `*`. */
  readonly port?: number;
  readonly span: Span;
}

export abstract class AddressRules extends GrammarBase {
  /** A host name, interface, IP address or quoted text; `text` is what the rule around it says of anything else. */
  protected host = this.RULE('host', (text: string): Host => {
    if (!this.RECORDING_PHASE && !HOST_STARTS.includes(this.type(1))) this.panic(text, { missing: 'host' });
    return this.OR<Host>([
      {
        ALT: () => {
          const token = this.CONSUME(T.String) as Token;
          return this.ACTION(() => ({ kind: 'string', text: String(token.value), span: token.span }));
        },
      },
      {
        GATE: () => this.atIp,
        ALT: () => this.SUBRULE(this.ip, { ARGS: [text] }),
      },
      { ALT: () => this.SUBRULE(this.interfaceName) },
    ]);
  });

  /** Whether an IP address begins here: a number with a dot behind it can be nothing else. */
  protected get atIp(): boolean {
    const type = this.type(1);
    return type === T.Ipv6 || type === T.LBracket || (type === T.Number && this.type(2) === T.Dot);
  }

  protected ip = this.RULE('ip', (text: string): Host => {
    const first = this.LA(1) as Token;
    return this.OR<Host>([
      {
        ALT: () => {
          const token = this.CONSUME(T.Ipv6) as Token;
          return this.ACTION(() => ({ kind: 'ip', text: token.image, span: token.span }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.LBracket);
          const token = this.need(1, T.Ipv6, text);
          this.need(1, T.RBracket, text);
          return this.ACTION(() => ({ kind: 'ip', text: `[${token.image}]`, span: this.from(first.span) }));
        },
      },
      {
        ALT: () => {
          const parts = [this.CONSUME(T.Number) as Token];
          for (const i of [1, 2, 3]) {
            this.need(i + 10, T.Dot, text);
            parts.push(this.need(i + 10, T.Number, text));
          }
          return this.ACTION(() => {
            if (parts.some(({ value }) => Number(value) < 0 || Number(value) > 255)) {
              this.problem('bad-ipv4', {}, this.spanAt(0));
            }
            return { kind: 'ip', text: parts.map(({ value }) => value).join('.'), span: this.from(first.span) };
          });
        },
      },
    ]);
  });

  /** `my-host.example`, `eth0`, `5`: words joined by dots and dashes. */
  private interfaceName = this.RULE('interfaceName', (): Host => {
    const first = this.SUBRULE(this.hostPart);
    let text = this.ACTION(() => first.image);
    this.MANY(() => {
      const separator = this.OR([{ ALT: () => this.CONSUME(T.Dot) }, { ALT: () => this.CONSUME(T.Minus) }]);
      if (!this.RECORDING_PHASE && !HOST_PARTS.includes(this.type(1))) {
        this.panic('invalid host or interface name', { missing: 'host' });
      }
      const part = this.SUBRULE2(this.hostPart);
      this.ACTION(() => {
        text += separator.image + part.image;
      });
    });
    return this.ACTION(() => ({ kind: 'id', text, span: this.from(first.span) }));
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

  /** A host name of identifiers only, as forward() and `src_ip ==` take it. */
  protected plainHost = this.RULE('plainHost', (): Host => {
    const first = this.CONSUME(T.Id) as Token;
    let text = this.ACTION(() => first.image);
    this.MANY(() => {
      const separator = this.OR([{ ALT: () => this.CONSUME(T.Dot) }, { ALT: () => this.CONSUME(T.Minus) }]);
      const part = this.need(2, T.Id, 'invalid hostname', { missing: 'host' });
      this.ACTION(() => {
        text += separator.image + part.image;
      });
    });
    return this.ACTION(() => ({ kind: 'id', text, span: this.from(first.span) }));
  });

  /** `[proto:]host[:port]`; `many`: the host may be `(a, b)`, for SCTP. */
  protected address = this.RULE('address', (text: string, many: boolean): Address => {
    const first = this.LA(1) as Token;
    let proto: string | undefined;
    this.OPTION(() => {
      const token = this.OR([{ ALT: () => this.CONSUME(T.Proto) }, { ALT: () => this.CONSUME(T.Star) }]);
      this.need(1, T.Colon, text);
      proto = token.image;
    });
    const hosts: Host[] = [];
    this.OR2([
      {
        GATE: () => many && this.type(1) === T.LParen,
        ALT: () => {
          this.CONSUME(T.LParen);
          this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => hosts.push(this.SUBRULE(this.host, { ARGS: [text] })) });
          this.need(1, T.RParen, text);
        },
      },
      // Whatever it is, `host` says what is wrong with it.
      { GATE: () => true, ALT: () => hosts.push(this.SUBRULE2(this.host, { ARGS: [text] })) },
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
}

const HOST_PARTS = [T.Id, T.NumId, T.Number];
/** The tokens with which a host begins. */
export const HOST_STARTS = [...HOST_PARTS, T.String, T.Ipv6, T.LBracket];

export function listenAddress({ proto, hosts, port, span }: Address): ListenAddress {
  return {
    ...(proto === undefined || proto === '*' ? {} : { proto }),
    hosts: hosts.map(({ text }) => text),
    ...(port === undefined ? {} : { port }),
    span,
  };
}
