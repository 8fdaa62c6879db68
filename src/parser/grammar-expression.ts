/** Rules for expressions (language.md, sections 4, 5 and 10). */
import type { TokenType } from './chevrotain.js';
import { ONSEND_HINT } from './grammar-core.js';
import { OperandRules } from './grammar-operand.js';
import { byPrecedence } from './precedence.js';
import { join, type Span } from './problem.js';
import { AddOp, BinaryOp, PrefixOp, T, TightOp, type Token } from './tokens.js';
import type {
  AssignExpr,
  Body,
  CallExpr,
  Expr,
  FuncExpr,
  RouteCall,
  SelectExpr,
  SelvalExpr,
  VariableExpr,
} from './tree.js';

const BAD = 'bad expression';
const MAX_ARGUMENTS = 6;
/** A chain of operators becomes a tree that is as deep: more than this is no expression a person wrote. */
const MAX_OPERATORS = 1000;

export abstract class ExpressionRules extends OperandRules {
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
    this.ACTION(() => {
      if (operators.length >= MAX_OPERATORS) this.problem('too-deep', { limit: MAX_OPERATORS }, first.span);
    });
    return this.ACTION(() => (operands ? byPrecedence(operands, operators) : first));
  });

  /** The right side of a core operand: what binds tighter than `==`. */
  protected override tight = this.RULE('tight', (): Expr => {
    const operands = [this.SUBRULE(this.operand)];
    const operators: Token[] = [];
    this.MANY(() => {
      operators.push(this.CONSUME(TightOp) as Token);
      operands.push(this.SUBRULE2(this.operand));
    });
    return this.ACTION(() => byPrecedence(operands, operators));
  });

  /** The right side of a core operand behind `<` and its like: what binds tighter than these. */
  protected override sum = this.RULE('sum', (): Expr => {
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
    if (!this.RECORDING_PHASE && !this.#beginsExpression()) this.panic('bad route argument', { missing: 'name' });
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
