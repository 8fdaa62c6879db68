/** Rules for expressions (language.md, sections 4, 5 and 10). */
import type { TokenType } from './chevrotain.js';
import { AddressRules, ONSEND_HINT } from './grammar-address.js';
import { byPrecedence } from './precedence.js';
import { join, type Span } from './problem.js';
import { AddOp, BinaryOp, CompareOp, OperandOp, PrefixOp, T, TightOp, type Token } from './tokens.js';
import type {
  AssignExpr,
  Body,
  CallExpr,
  CoreOperand,
  Expr,
  FuncExpr,
  RouteCall,
  SelectExpr,
  SelvalExpr,
  VariableExpr,
} from './tree.js';

const BAD = 'bad expression';
const MAX_ARGUMENTS = 6;

type OperandRight = CoreOperand['right'];

const EQUALITY: readonly TokenType[] = [T.Equals, T.Differs, T.StrEq, T.StrNe];
const TEXT_OPS: readonly TokenType[] = [...EQUALITY, T.Match];
const NUMBER_OPS: readonly TokenType[] = [...EQUALITY, T.Less, T.Greater, T.LessEq, T.GreaterEq];
const SAME_AS: Readonly<Record<string, CoreOperand['op']>> = { eq: '==', ne: '!=' };
const ONSEND_OPERANDS = new Set(['snd_ip', 'to_ip']);

export abstract class ExpressionRules extends AddressRules {
  abstract body: (idx?: number) => Body;

  override expression = this.RULE('expression', (): Expr => {
    const first = this.SUBRULE(this.operand);
    let operands: Expr[] | undefined;
    const operators: Token[] = [];
    this.MANY(() => {
      const op = this.CONSUME(BinaryOp) as Token;
      const right = this.SUBRULE2(this.operand);
      this.ACTION(() => {
        operands ??= [first];
        operands.push(right);
        operators.push(op);
      });
    });
    return this.ACTION(() => (operands ? byPrecedence(operands, operators) : first));
  });

  /** The right side of a core operand: what binds tighter than `==`. */
  private tight = this.RULE('tight', (): Expr => {
    const operands = [this.SUBRULE(this.operand)];
    const operators: Token[] = [];
    this.MANY(() => {
      operators.push(this.CONSUME(TightOp) as Token);
      operands.push(this.SUBRULE2(this.operand));
    });
    return this.ACTION(() => byPrecedence(operands, operators));
  });

  /** The right side of a core operand behind `<` and its like: what binds tighter than these. */
  private sum = this.RULE('sum', (): Expr => {
    const operands = [this.SUBRULE(this.operand)];
    const operators: Token[] = [];
    this.MANY(() => {
      operators.push(this.CONSUME(AddOp) as Token);
      operands.push(this.SUBRULE2(this.operand));
    });
    return this.ACTION(() => byPrecedence(operands, operators));
  });

  private operand = this.RULE('operand', (): Expr => {
    let prefixes: Token[] | undefined;
    this.MANY(() => {
      const token = this.CONSUME(PrefixOp) as Token;
      prefixes ??= [];
      prefixes.push(token);
    });
    const inner = this.SUBRULE(this.primary);
    return this.ACTION(() => (prefixes ? prefixed(prefixes, inner) : inner));
  });

  private primary = this.RULE('primary', (): Expr => {
    return this.OR<Expr>({
      DEF: [
        {
          ALT: () => {
            const token = this.CONSUME(T.Variable) as Token;
            return this.ACTION(() => variable(token));
          },
        },
        {
          ALT: () => {
            const { value, image, span } = this.CONSUME(T.Number) as Token;
            return this.ACTION(() => ({ kind: 'number', value: Number(value), text: image, span }));
          },
        },
        {
          ALT: () => {
            const { value, image, span } = this.CONSUME(T.String) as Token;
            return this.ACTION(() => ({
              kind: 'string',
              value: String(value),
              quote: image === "'" ? "'" : '"',
              span,
            }));
          },
        },
        {
          ALT: () => {
            const { image, span } = this.CONSUME(T.Select) as Token;
            return this.ACTION((): SelectExpr => ({ kind: 'select', text: image, span }));
          },
        },
        { ALT: () => this.SUBRULE(this.parenthesized) },
        { ALT: () => this.SUBRULE(this.call) },
        { ALT: () => this.SUBRULE(this.coreStatement) },
        { ALT: () => this.SUBRULE(this.routeCall) },
        { ALT: () => this.SUBRULE(this.coreOperand) },
        {
          ALT: () => {
            const body = this.SUBRULE(this.body);
            return this.ACTION(() => ({ kind: 'block', body, span: body.span }));
          },
        },
        { ALT: () => this.SUBRULE(this.textFunction) },
        { ALT: () => this.SUBRULE(this.selval) },
      ],
    });
  });

  private parenthesized = this.RULE(
    'parenthesized',
    (): Expr =>
      this.nested(() => {
        const open = this.CONSUME(T.LParen) as Token;
        const inner = this.OR<Expr>([
          {
            GATE: () => this.type(1) === T.Variable && this.type(2) === T.Equal,
            ALT: () => this.SUBRULE(this.assignment),
          },
          { ALT: () => this.SUBRULE(this.expression) },
        ]);
        this.close(1, open, BAD);
        return this.ACTION(() => {
          const span = this.from(open.span);
          // A block or assignment in parentheses has no other form; the parentheses belong to it.
          return inner.kind === 'assign' ? { ...inner, span } : { kind: 'group', inner, span };
        });
      }),
  );

  /** The `)` of `open`; where a block or the next statement begins, it is taken as forgotten. */
  protected close(index: number, open: Token, text: string): void {
    if (!this.RECORDING_PHASE && this.type(1) !== T.RParen) {
      this.syntaxError(text, { missing: ')', opened: open.span });
      if (this.type(1) === T.LBrace || this.type(1) === T.Semicolon || this.atNewStatement) return;
      this.panic(text);
    }
    this.consume(index, T.RParen);
  }

  protected assignment = this.RULE('assignment', (): AssignExpr => {
    const token = this.CONSUME(T.Variable) as Token;
    if (!this.RECORDING_PHASE && /\[-?\w+\]$/.test(token.image) && !token.image.includes('(')) {
      this.errorAt(token, '', 'only `$name` and `$name[]` can be assigned to');
    }
    this.need(1, T.Equal, '');
    const value = this.SUBRULE(this.expression);
    return this.ACTION(() => ({
      kind: 'assign',
      target: variable(token),
      value,
      span: join(token.span, value.span),
    }));
  });

  protected call = this.RULE('call', (): CallExpr => {
    const name = this.CONSUME(T.Id) as Token;
    const open = this.need(1, T.LParen, "'('')' expected (function call)");
    const args: Expr[] = [];
    if (!this.RECORDING_PHASE && this.callDepth > 0) this.nestedCall(name.image, open.span);
    const { callDepth } = this;
    this.callDepth += 1;
    try {
      this.nested(() => {
        this.OPTION(() => args.push(this.SUBRULE(this.expression)));
        this.MANY(() => {
          this.CONSUME(T.Comma);
          const arg = this.SUBRULE2(this.expression);
          this.ACTION(() => {
            if (args.length === MAX_ARGUMENTS) this.problem('too-many-arguments', {}, arg.span);
            args.push(arg);
          });
        });
      });
      this.close(1, open, "'('')' expected (function call)");
    } finally {
      this.callDepth = callDepth;
    }
    return this.ACTION(() => ({
      kind: 'call',
      name: name.image,
      nameSpan: name.span,
      args,
      span: this.from(name.span),
    }));
  });

  private nestedCall(name: string, span: Span): void {
    this.problem('nested-call', {}, span, { hint: `call it before: $var(x) = ${name}(…); and pass $var(x)` });
  }

  protected routeCall = this.RULE('routeCall', (): RouteCall => {
    const token = this.CONSUME(T.Route) as Token;
    const open = this.need(1, T.LParen, "missing '(' or ')' ?");
    const target = this.OR<Expr>([
      {
        GATE: () => this.type(1) === T.Id && this.type(2) !== T.LParen,
        ALT: () => {
          const { image, span } = this.CONSUME(T.Id) as Token;
          return this.ACTION((): Expr => ({ kind: 'string', value: image, quote: '"', span }));
        },
      },
      {
        ALT: () => {
          if (!this.RECORDING_PHASE && !this.#beginsExpression()) this.panic('bad route argument', { missing: 'name' });
          return this.SUBRULE(this.expression);
        },
      },
    ]);
    this.close(2, open, 'bad route argument');
    this.ACTION(() => {
      if (this.blockKind === 'onsend_route') this.problem('onsend-command', {}, this.spanAt(0), { hint: ONSEND_HINT });
    });
    return this.ACTION(() => ({ kind: 'route', target, span: this.from(token.span) }));
  });

  #beginsExpression(): boolean {
    return EXPRESSION_STARTS.has(this.type(1));
  }

  private textFunction = this.RULE('textFunction', (): FuncExpr => {
    const token = this.CONSUME(T.Strlen) as Token;
    const open = this.need(1, T.LParen, '');
    const operand = this.SUBRULE(this.expression);
    this.close(1, open, BAD);
    const kind = this.ACTION(() => token.image as 'strlen' | 'strempty');
    return this.ACTION(() => ({ kind, operand, span: this.from(token.span) }));
  });

  private selval = this.RULE('selval', (): SelvalExpr => {
    const token = this.CONSUME(T.Selval) as Token;
    const open = this.need(1, T.LParen, '');
    const condition = this.SUBRULE(this.expression);
    this.need(2, T.Comma, BAD);
    const then = this.SUBRULE2(this.expression);
    this.need(3, T.Comma, BAD);
    const otherwise = this.SUBRULE3(this.expression);
    this.close(1, open, BAD);
    return this.ACTION(() => ({ kind: 'selval', condition, then, otherwise, span: this.from(token.span) }));
  });

  // ---------------------------------------------------------- core operands

  private coreOperand = this.RULE('coreOperand', (): CoreOperand => {
    const start = this.LA(1) as Token;
    return this.OR<CoreOperand>([
      {
        ALT: () => {
          const token = this.CONSUME(T.Method) as Token;
          const op = this.SUBRULE(this.operandOp, { ARGS: [TEXT_OPS, 'invalid operator,== , !=, or =~ expected'] });
          const right = this.SUBRULE(this.methodRight);
          return this.ACTION(() => this.comparison(start, token.image, op, right));
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(T.UriOperand) as Token;
          const op = this.SUBRULE2(this.operandOp, { ARGS: [TEXT_OPS, 'invalid operator, == , != or =~ expected'] });
          const right = this.SUBRULE(this.uriRight);
          return this.ACTION(() => this.comparison(start, token.image, op, right));
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(T.IpOperand) as Token;
          this.ACTION(() => this.checkOnsend(token));
          const op = this.SUBRULE3(this.operandOp, { ARGS: [TEXT_OPS, 'invalid operator, ==, != or =~ expected'] });
          const right = this.SUBRULE(this.ipRight);
          return this.ACTION(() => this.comparison(start, token.image, op, right));
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(T.IntOperand) as Token;
          const op = this.SUBRULE4(this.operandOp, { ARGS: [NUMBER_OPS, '==, !=, <,>, >= or <=  expected'] });
          const right = this.SUBRULE(this.intRight, { ARGS: [op] });
          return this.ACTION(() => this.comparison(start, token.image, op, right));
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(T.ProtoOperand) as Token;
          const op = this.SUBRULE5(this.operandOp, { ARGS: [EQUALITY, ''] });
          const right = this.SUBRULE(this.protoRight);
          return this.ACTION(() => this.comparison(start, token.image, op, right));
        },
      },
      {
        ALT: () => {
          const myself = this.CONSUME(T.Myself) as Token;
          const op = this.SUBRULE6(this.operandOp, { ARGS: [EQUALITY, 'invalid operator, == or != expected'] });
          if (!this.RECORDING_PHASE && this.type(1) !== T.UriOperand && this.type(1) !== T.IpOperand) {
            this.panic('URI, SRCIP or DSTIP expected');
          }
          const operand = this.OR2([
            { ALT: () => this.CONSUME2(T.UriOperand) },
            { ALT: () => this.CONSUME2(T.IpOperand) },
          ]) as Token;
          return this.ACTION(() => {
            this.checkOnsend(operand);
            return this.comparison(start, operand.image, op, { kind: 'myself', span: myself.span });
          });
        },
      },
    ]);
  });

  private operandOp = this.RULE('operandOp', (allowed: readonly TokenType[], text: string): Token => {
    if (!this.RECORDING_PHASE && !allowed.includes(this.type(1))) this.panic(text);
    return this.CONSUME(OperandOp) as Token;
  });

  private comparison(start: Token, operand: string, op: Token, right: OperandRight): CoreOperand {
    return {
      kind: 'operand',
      operand,
      op: SAME_AS[op.image] ?? (op.image as CoreOperand['op']),
      right,
      span: this.from(start.span),
    };
  }

  private checkOnsend({ image, span }: Token): void {
    if (!ONSEND_OPERANDS.has(image) || this.blockKind === 'onsend_route') return;
    this.problem('onsend-operand', { name: image }, span);
  }

  private methodRight = this.RULE(
    'methodRight',
    (): OperandRight =>
      this.OR<OperandRight>([
        {
          GATE: () => this.type(2) !== T.LParen,
          ALT: () => {
            const { image, span } = this.CONSUME(T.Id) as Token;
            return this.ACTION(() => ({ kind: 'id', value: image, span }));
          },
        },
        { ALT: () => this.operandExpr(this.SUBRULE(this.tight)) },
      ]),
  );

  private uriRight = this.RULE(
    'uriRight',
    (): OperandRight =>
      this.OR<OperandRight>([
        {
          GATE: () => !EQUALITY.includes(this.type(2)),
          ALT: () => {
            const { span } = this.CONSUME(T.Myself) as Token;
            return { kind: 'myself', span };
          },
        },
        { ALT: () => this.operandExpr(this.SUBRULE(this.tight)) },
      ]),
  );

  private intRight = this.RULE(
    'intRight',
    (op: Token): OperandRight =>
      this.OR<OperandRight>([
        {
          GATE: () => op.tokenType.CATEGORIES?.includes(CompareOp) === true,
          ALT: () => this.operandExpr(this.SUBRULE(this.sum)),
        },
        { ALT: () => this.operandExpr(this.SUBRULE(this.tight)) },
      ]),
  );

  private protoRight = this.RULE(
    'protoRight',
    (): OperandRight =>
      this.OR<OperandRight>([
        {
          ALT: () => {
            const { image, span } = this.CONSUME(T.Proto) as Token;
            return this.ACTION(() => ({ kind: 'id', value: image, span }));
          },
        },
        {
          ALT: () => {
            const { image, span } = this.CONSUME(T.Star) as Token;
            return this.ACTION(() => ({ kind: 'id', value: image, span }));
          },
        },
        { ALT: () => this.operandExpr(this.SUBRULE(this.tight)) },
      ]),
  );

  private ipRight = this.RULE(
    'ipRight',
    (): OperandRight =>
      this.OR<OperandRight>([
        {
          GATE: () => this.#beginsIp(),
          ALT: () => this.SUBRULE(this.ipOrNet),
        },
        {
          GATE: () => this.type(1) === T.Id && this.type(2) !== T.LParen,
          ALT: () => {
            const host = this.SUBRULE(this.hostWord);
            return this.ACTION(() => ({ kind: 'id', value: host.text, span: host.span }));
          },
        },
        {
          GATE: () => !EQUALITY.includes(this.type(2)),
          ALT: () => {
            const { span } = this.CONSUME(T.Myself) as Token;
            return { kind: 'myself', span };
          },
        },
        {
          ALT: () => {
            const expr = this.SUBRULE(this.tight);
            this.ACTION(() => {
              if (expr.kind === 'number') this.problem('syntax-error', { text: ': string expected' }, expr.span);
            });
            return this.operandExpr(expr);
          },
        },
      ]),
  );

  #beginsIp(): boolean {
    const type = this.type(1);
    return type === T.Ipv6 || type === T.LBracket || (type === T.Number && this.type(2) === T.Dot);
  }

  private ipOrNet = this.RULE('ipOrNet', (): OperandRight => {
    const ip = this.SUBRULE(this.ip);
    let mask: string | undefined;
    this.OPTION(() => {
      this.CONSUME(T.Slash);
      const bits = this.SUBRULE2(this.ip);
      this.ACTION(() => {
        mask = bits.text;
        if (bits.kind !== 'number') return;
        const most = ip.text.includes(':') ? 128 : 32;
        if (bits.value < 0 || bits.value > most) this.problem('bad-netmask', {}, bits.span);
      });
    });
    return this.ACTION(() => ({
      kind: 'ip',
      value: ip.text,
      ...(mask === undefined ? {} : { mask }),
      span: this.from(ip.span),
    }));
  });

  /** An IP address, or a number where bits of a mask may stand. */
  protected ip = this.RULE('ip', () => {
    const host = this.OR([
      {
        GATE: () => this.type(1) === T.Number,
        ALT: () => this.SUBRULE(this.hostWord),
      },
      {
        GATE: () => this.type(1) === T.Ipv6 || this.type(1) === T.LBracket,
        ALT: () => this.SUBRULE(this.host),
      },
    ]);
    this.ACTION(() => {
      if (host.kind !== 'ip' && host.kind !== 'number') this.panic('ip address or hostname expected');
    });
    return host;
  });

  private operandExpr(expr: Expr): OperandRight {
    return this.ACTION((): OperandRight => ({ kind: 'expr', expr }));
  }
}

const EXPRESSION_STARTS: ReadonlySet<TokenType> = new Set([
  T.Id,
  T.Number,
  T.String,
  T.Variable,
  T.Select,
  T.LParen,
  T.LBrace,
  T.CoreStatement,
  T.CfgSelect,
  T.ParamAndStatement,
  T.Route,
  T.Method,
  T.UriOperand,
  T.IpOperand,
  T.IntOperand,
  T.ProtoOperand,
  T.Myself,
  T.Strlen,
  T.Selval,
  T.Minus,
  T.Not,
  T.BitNot,
  T.Defined,
  T.IntCast,
  T.StrCast,
]);

function variable({ value, span }: Token): VariableExpr {
  return { kind: 'variable', text: String(value), span };
}

/** Prefix operators, the innermost last; `-5` is a number. */
function prefixed(prefixes: readonly Token[], operand: Expr): Expr {
  return prefixes.reduceRight((inner: Expr, { tokenType, image, span: start }): Expr => {
    const span: Span = join(start, inner.span);
    switch (tokenType) {
      case T.Minus:
        if (inner.kind === 'number' && !inner.text.startsWith('-')) {
          return { kind: 'number', value: -inner.value | 0, text: `-${inner.text}`, span };
        }
        return { kind: 'unary', op: '-', operand: inner, span };
      case T.Not:
        return { kind: 'unary', op: '!', operand: inner, span };
      case T.BitNot:
        return { kind: 'unary', op: '~', operand: inner, span };
      default:
        return { kind: image as 'defined' | '(int)' | '(str)', operand: inner, span };
    }
  }, operand);
}
