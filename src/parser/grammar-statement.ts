/** Rules for statements and their bodies (language.md, section 4). */
import { constantType } from './constant.js';
import { ExpressionRules } from './grammar-expression.js';
import type { Problem, Span } from './problem.js';
import { T, type Token } from './tokens.js';
import type {
  Body,
  Expr,
  IfStatement,
  LeaveStatement,
  Statement,
  SwitchLabel,
  SwitchStatement,
  WhileStatement,
} from './tree.js';

const MISSING_SEMICOLON = "bad command: missing ';'?";

export abstract class StatementRules extends ExpressionRules {
  override body = this.RULE(
    'body',
    (): Body =>
      this.nested(() => {
        const open = this.need(1, T.LBrace, '');
        const { callDepth } = this;
        // The arguments of a call are over: a block in them is a list of statements like any other.
        this.callDepth = 0;
        const statements = this.SUBRULE(this.statements);
        this.callDepth = callDepth;
        this.ACTION(() => {
          if (statements.length === 0 && this.type(1) === T.RBrace) this.emptyBody();
        });
        if (this.RECORDING_PHASE || this.type(1) === T.RBrace) this.CONSUME(T.RBrace);
        else this.syntaxError('bad command', { missing: '}', opened: open.span });
        return this.ACTION(() => ({ statements, span: this.from(open.span) }));
      }),
  );

  private emptyBody(): void {
    this.errorAt(this.LA(1) as Token, '', 'a block needs a statement: write { ; }');
  }

  /** Statements up to a `}`, a label, or what cannot belong to this list any more. */
  protected statements = this.RULE('statements', (): Statement[] => {
    const list: Statement[] = [];
    do {
      try {
        this.MANY({
          GATE: () => !this.atBlock,
          DEF: () => {
            const statement = this.SUBRULE(this.statement);
            this.ACTION(() => list.push(statement));
          },
        });
      } catch (error) {
        this.caught(error, 'bad command');
        this.resume(list);
        continue;
      }
      if (this.RECORDING_PHASE || this.listEnds()) break;
      this.statementStart = this.token(1);
      this.syntaxError('bad command');
      this.skipStatement();
      this.makeProgress();
      list.push({ kind: 'empty', span: this.spanAt(0) });
    } while (!this.listEnds());
    return list;
  });

  /** A list that held only what could not be read is not an empty one. */
  private resume(list: Statement[]): void {
    if (!this.atNewStatement || this.token(1) === this.statementStart) this.skipStatement();
    this.makeProgress();
    list.push({ kind: 'empty', span: this.spanAt(0) });
  }

  /** Whatever could not be read must not be tried again. */
  private makeProgress(): void {
    if (this.token(1) === this.statementStart && !this.listEnds()) this.SKIP_TOKEN();
  }

  private listEnds(): boolean {
    const type = this.type(1);
    if (this.atEnd || type === T.RBrace || this.atBlock) return true;
    return this.inSwitch > 0 && (type === T.Case || (type === T.Default && this.type(2) === T.Colon));
  }

  protected statement = this.RULE('statement', (): Statement => {
    if (!this.RECORDING_PHASE) this.statementStart = this.token(1);
    return this.OR<Statement>([
      {
        ALT: () => {
          const { span } = this.CONSUME(T.Semicolon) as Token;
          return { kind: 'empty', span };
        },
      },
      { ALT: () => this.simple(1, this.SUBRULE(this.assignment), '') },
      { ALT: () => this.simple(2, this.SUBRULE(this.call), MISSING_SEMICOLON) },
      { ALT: () => this.SUBRULE(this.ifStatement) },
      { ALT: () => this.simple(3, this.SUBRULE(this.routeCall), MISSING_SEMICOLON) },
      { ALT: () => this.simple(4, this.SUBRULE(this.coreStatement), MISSING_SEMICOLON) },
      { ALT: () => this.simple(5, this.SUBRULE(this.leave), '') },
      { ALT: () => this.SUBRULE(this.whileStatement) },
      { ALT: () => this.SUBRULE(this.switchStatement) },
    ]);
  });

  /** The `;` behind a statement; where it is missing, the next one begins at the next line or at a `}`. */
  private simple<S extends Statement>(index: number, statement: S, text: string): S {
    if (this.RECORDING_PHASE || this.type(1) === T.Semicolon) {
      this.consume(index, T.Semicolon);
      return statement;
    }
    this.syntaxError(text, { missing: ';' });
    const type = this.type(1);
    if (type !== T.RBrace && type !== T.Else && !this.atNewStatement) this.skipStatement();
    return statement;
  }

  private leave = this.RULE('leave', (): LeaveStatement => {
    let value: Expr | undefined;
    const token = this.OR([
      {
        ALT: () => {
          const word = this.CONSUME(T.Leave) as Token;
          this.OR2([
            {
              GATE: () => this.type(1) === T.LParen && this.type(2) === T.RParen,
              ALT: () => {
                this.CONSUME(T.LParen);
                this.CONSUME(T.RParen);
              },
            },
            {
              ALT: () => {
                this.OPTION({
                  GATE: () => !(this.type(1) === T.LParen && this.type(2) === T.RParen),
                  DEF: () => {
                    value = this.SUBRULE(this.expression);
                  },
                });
              },
            },
          ]);
          return word;
        },
      },
      { ALT: () => this.CONSUME(T.Break) as Token },
    ]);
    return this.ACTION(() => ({
      kind: token.image as LeaveStatement['kind'],
      ...(value === undefined ? {} : { value }),
      span: this.from(token.span),
    }));
  });

  private ifStatement = this.RULE('ifStatement', (): IfStatement => {
    const branches: { start: Span; condition: Expr; then: Body }[] = [];
    let otherwise: Body | undefined;
    // A chain of `else if` is read in a loop: it may be longer than the stack is deep.
    let again: boolean;
    do {
      again = false;
      const start = this.CONSUME(T.If) as Token;
      const condition = this.SUBRULE(this.condition);
      const then = this.SUBRULE(this.branch);
      this.ACTION(() => branches.push({ start: start.span, condition, then }));
      this.OPTION(() => {
        this.CONSUME(T.Else);
        if (!this.RECORDING_PHASE && this.type(1) === T.If) {
          again = true;
          return;
        }
        otherwise = this.SUBRULE2(this.branch);
      });
    } while (again);
    return this.ACTION(() => this.ifChain(branches, otherwise));
  });

  private ifChain(branches: { start: Span; condition: Expr; then: Body }[], last: Body | undefined): IfStatement {
    let otherwise = last;
    let result: IfStatement | undefined;
    for (const { start, condition, then } of branches.reverse()) {
      result = {
        kind: 'if',
        condition,
        then,
        ...(otherwise === undefined ? {} : { otherwise }),
        span: this.from(start),
      };
      otherwise = { statements: [result], span: result.span };
    }
    return result as IfStatement;
  }

  /** An expression; after an error, what follows is still read as the body. */
  private condition = this.RULE('condition', (): Expr => {
    const start = this.LA(1);
    try {
      return this.SUBRULE(this.expression);
    } catch (error) {
      this.caught(error, 'bad expression');
      this.skipCondition();
      return { kind: 'number', value: 1, text: '', span: 'span' in start ? (start as Token).span : this.end };
    }
  });

  private skipCondition(): void {
    while (!this.atEnd) {
      const type = this.type(1);
      if (type === T.LBrace || type === T.RBrace || type === T.Semicolon || this.atNewStatement) return;
      this.SKIP_TOKEN();
      if (type === T.RParen && this.type(1) === T.LBrace) return;
    }
  }

  private branch = this.RULE(
    'branch',
    (): Body =>
      this.nested(() =>
        this.OR<Body>([
          { ALT: () => this.SUBRULE(this.body) },
          {
            ALT: () => {
              const statement = this.SUBRULE(this.statement);
              return this.ACTION(() => ({ statements: [statement], span: statement.span }));
            },
          },
        ]),
      ),
  );

  private whileStatement = this.RULE('whileStatement', (): WhileStatement => {
    const start = this.CONSUME(T.While) as Token;
    const condition = this.SUBRULE(this.condition);
    const body = this.SUBRULE(this.branch);
    return this.ACTION(() => ({ kind: 'while', condition, body, span: this.from(start.span) }));
  });

  // ----------------------------------------------------------------- switch

  private switchStatement = this.RULE(
    'switchStatement',
    (): SwitchStatement =>
      this.nested(() => {
        const start = this.CONSUME(T.Switch) as Token;
        const value = this.SUBRULE(this.condition);
        const open = this.need(1, T.LBrace, 'bad expression in switch(...)');
        this.inSwitch += 1;
        const labels: SwitchLabel[] = [];
        try {
          do {
            this.MANY(() => {
              const label = this.SUBRULE(this.label);
              this.ACTION(() => labels.push(label));
            });
            if (this.RECORDING_PHASE || this.atEnd || this.type(1) === T.RBrace || this.atBlock) break;
            this.syntaxError('bad switch body', {});
            this.skipStatement();
          } while (!this.RECORDING_PHASE);
        } finally {
          this.inSwitch -= 1;
        }
        if (this.RECORDING_PHASE || this.type(1) === T.RBrace) this.CONSUME(T.RBrace);
        else this.syntaxError('bad switch body', { missing: '}', opened: open.span });
        this.ACTION(() => this.checkLabels(value, labels));
        return this.ACTION(() => ({ kind: 'switch', value, labels, span: this.from(start.span) }));
      }),
  );

  private label = this.RULE('label', (): SwitchLabel => {
    const start = this.LA(1) as Token;
    const head = this.SUBRULE(this.labelHead);
    const statements = this.SUBRULE(this.statements);
    return this.ACTION(() => ({ ...head, statements, span: this.from(start.span) }));
  });

  private labelHead = this.RULE('labelHead', (): Pick<SwitchLabel, 'kind' | 'value'> => {
    let kind: SwitchLabel['kind'] = 'default';
    let value: Expr | undefined;
    try {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(T.Case);
            kind = 'case';
            this.OPTION(() => {
              this.CONSUME(T.Slash);
              kind = 'regex';
            });
            value = this.SUBRULE(this.expression);
            this.ACTION(() => {
              if (value && constantType(value) === undefined)
                this.problem('constant-expected', {}, this.spanAt(1), {
                  hint: 'labels are constants; use `if` for anything else',
                });
            });
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.Default);
          },
        },
      ]);
      this.need(1, T.Colon, 'bad case label');
    } catch (error) {
      this.caught(error, 'bad case label');
      this.skipLabel();
    }
    return { kind, ...(value === undefined ? {} : { value }) };
  });

  private skipLabel(): void {
    while (!this.atEnd) {
      const type = this.type(1);
      if (type === T.RBrace || type === T.Semicolon || this.atNewStatement) return;
      this.SKIP_TOKEN();
      if (type === T.Colon) return;
    }
  }

  /** What Kamailio finds about labels when the switch is closed. */
  private checkLabels(value: Expr, labels: readonly SwitchLabel[]): void {
    if (labels.length === 0) this.problem('switch-empty', {}, this.spanAt(0));
    const typed = labels.flatMap(({ kind, value: label }) => {
      const type = label && constantType(label);
      return type ? [{ type: kind === 'regex' ? 'string' : type, span: label.span }] : [];
    });
    const first = typed[0];
    const odd = typed.find(({ type }) => type !== first?.type);
    if (first && odd) {
      const label = `the first label is ${first.type === 'int' ? 'a number' : 'a string'}`;
      this.problem('switch-mixed', {}, odd.span, { cause: { span: first.span, label } });
    }
    const defaults = labels.filter(({ kind }) => kind === 'default');
    if (defaults.length > 1) {
      const cause: Problem['cause'] = { span: (defaults[1] as SwitchLabel).span, label: 'the second one' };
      this.problem('switch-defaults', {}, value.span, { cause });
    }
  }
}
