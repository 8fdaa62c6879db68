/** Rules for the core operands: `method == "INVITE"`, `src_ip == 10.0.0.0/8`, `uri == myself` (language.md, section 10). */
import type { TokenType } from './chevrotain.js';
import { constantType } from './constant.js';
import { CoreRules } from './grammar-core.js';
import { CompareOp, OperandOp, T, type Token } from './tokens.js';
import type { CoreOperand, Expr } from './tree.js';

type Right = CoreOperand['right'];

const EQUALITY: readonly TokenType[] = [T.Equals, T.Differs, T.StrEq, T.StrNe];
const TEXT_OPS: readonly TokenType[] = [...EQUALITY, T.Match];
const NUMBER_OPS: readonly TokenType[] = [...EQUALITY, T.Less, T.Greater, T.LessEq, T.GreaterEq];
const SAME_AS: Readonly<Record<string, CoreOperand['op']>> = { eq: '==', ne: '!=' };
const ONSEND_ONLY = new Set(['snd_ip', 'to_ip']);
const IP_EXPECTED = 'ip address or hostname expected';
const MASK_EXPECTED = 'netmask (eg:255.0.0.0 or 8) expected';

export abstract class OperandRules extends CoreRules {
  /** An expression of what binds tighter than `==`; and of what binds tighter than `<`. */
  protected abstract tight: (idx?: number) => Expr;
  protected abstract sum: (idx?: number) => Expr;

  protected coreOperand = this.RULE(
    'coreOperand',
    (): CoreOperand =>
      this.OR<CoreOperand>([
        {
          ALT: () => {
            const token = this.CONSUME(T.Method) as Token;
            const op = this.SUBRULE(this.operandOp, { ARGS: [TEXT_OPS, 'invalid operator,== , !=, or =~ expected'] });
            const right = this.SUBRULE(this.methodRight);
            return this.ACTION(() => this.comparison(token, op, right));
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(T.UriOperand) as Token;
            const op = this.SUBRULE2(this.operandOp, { ARGS: [TEXT_OPS, 'invalid operator, == , != or =~ expected'] });
            const right = this.SUBRULE(this.uriRight);
            return this.ACTION(() => this.comparison(token, op, right));
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(T.IpOperand) as Token;
            this.ACTION(() => this.checkOnsend(token));
            const op = this.SUBRULE3(this.operandOp, { ARGS: [TEXT_OPS, 'invalid operator, ==, != or =~ expected'] });
            const right = this.SUBRULE(this.ipRight);
            return this.ACTION(() => this.comparison(token, op, right));
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(T.IntOperand) as Token;
            const op = this.SUBRULE4(this.operandOp, { ARGS: [NUMBER_OPS, '==, !=, <,>, >= or <=  expected'] });
            const right = this.SUBRULE(this.intRight, { ARGS: [op] });
            return this.ACTION(() => this.comparison(token, op, right));
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(T.ProtoOperand) as Token;
            const op = this.SUBRULE5(this.operandOp, { ARGS: [EQUALITY, ''] });
            const right = this.SUBRULE(this.protoRight);
            return this.ACTION(() => this.comparison(token, op, right));
          },
        },
        { ALT: () => this.SUBRULE(this.reversed) },
      ]),
  );

  /** `myself == uri` */
  private reversed = this.RULE('reversed', (): CoreOperand => {
    const myself = this.CONSUME(T.Myself) as Token;
    const op = this.SUBRULE(this.operandOp, { ARGS: [EQUALITY, 'invalid operator, == or != expected'] });
    if (!this.RECORDING_PHASE && this.type(1) !== T.UriOperand && this.type(1) !== T.IpOperand) {
      this.panic('URI, SRCIP or DSTIP expected');
    }
    const operand = this.OR([
      { ALT: () => this.CONSUME(T.UriOperand) },
      { ALT: () => this.CONSUME(T.IpOperand) },
    ]) as Token;
    return this.ACTION(() => {
      this.checkOnsend(operand);
      const right: Right = { kind: 'myself', span: myself.span };
      return { ...this.comparison(operand, op, right), span: this.from(myself.span) };
    });
  });

  private operandOp = this.RULE('operandOp', (allowed: readonly TokenType[], text: string): Token => {
    if (!this.RECORDING_PHASE && !allowed.includes(this.type(1))) this.panic(text);
    return this.CONSUME(OperandOp) as Token;
  });

  private comparison(operand: Token, op: Token, right: Right): CoreOperand {
    return {
      kind: 'operand',
      operand: operand.image,
      op: SAME_AS[op.image] ?? (op.image as CoreOperand['op']),
      right,
      span: this.from(operand.span),
    };
  }

  private checkOnsend({ image, span }: Token): void {
    if (ONSEND_ONLY.has(image) && this.blockKind !== 'onsend_route')
      this.problem('onsend-operand', { name: image }, span);
  }

  // ------------------------------------------------------------ right sides

  private methodRight = this.RULE(
    'methodRight',
    (): Right =>
      this.OR<Right>([
        {
          GATE: () => this.type(2) !== T.LParen,
          ALT: () => this.word(this.CONSUME(T.Id) as Token),
        },
        { ALT: () => this.value(this.SUBRULE(this.tight)) },
      ]),
  );

  private uriRight = this.RULE(
    'uriRight',
    (): Right =>
      this.OR<Right>([
        {
          GATE: () => !EQUALITY.includes(this.type(2)),
          ALT: () => this.self(this.CONSUME(T.Myself) as Token),
        },
        { ALT: () => this.value(this.SUBRULE(this.tight)) },
      ]),
  );

  private intRight = this.RULE(
    'intRight',
    (op: Token): Right =>
      this.OR<Right>([
        {
          GATE: () => op.tokenType.CATEGORIES?.includes(CompareOp) === true,
          ALT: () => this.value(this.SUBRULE(this.sum)),
        },
        { ALT: () => this.value(this.SUBRULE(this.tight)) },
      ]),
  );

  private protoRight = this.RULE(
    'protoRight',
    (): Right =>
      this.OR<Right>([
        { ALT: () => this.word(this.CONSUME(T.Proto) as Token) },
        { ALT: () => this.word(this.CONSUME(T.WsProto) as Token) },
        { ALT: () => this.word(this.CONSUME(T.Star) as Token) },
        { ALT: () => this.value(this.SUBRULE(this.tight)) },
      ]),
  );

  private ipRight = this.RULE(
    'ipRight',
    (): Right =>
      this.OR<Right>([
        {
          GATE: () => this.atIp,
          ALT: () => this.SUBRULE(this.ipOrNet),
        },
        {
          GATE: () => this.type(2) !== T.LParen,
          ALT: () => {
            const host = this.SUBRULE(this.plainHost);
            return this.ACTION((): Right => ({ kind: 'id', value: host.text, span: host.span }));
          },
        },
        {
          GATE: () => !EQUALITY.includes(this.type(2)),
          ALT: () => this.self(this.CONSUME(T.Myself) as Token),
        },
        {
          ALT: () => {
            const expr = this.SUBRULE(this.tight);
            this.ACTION(() => {
              if (constantType(expr) === 'int')
                this.problem('syntax-error', { text: ': string expected' }, this.spanAt(1));
            });
            return this.value(expr);
          },
        },
      ]),
  );

  private ipOrNet = this.RULE('ipOrNet', (): Right => {
    const ip = this.SUBRULE(this.ip, { ARGS: [IP_EXPECTED] });
    let mask: string | undefined;
    this.OPTION(() => {
      this.CONSUME(T.Slash);
      if (!this.RECORDING_PHASE && !this.atIp && this.type(1) !== T.Number) this.panic(MASK_EXPECTED);
      this.OR([
        {
          GATE: () => this.atIp,
          ALT: () => {
            const host = this.SUBRULE2(this.ip, { ARGS: [MASK_EXPECTED] });
            mask = this.ACTION(() => host.text);
          },
        },
        {
          ALT: () => {
            const { value, span } = this.CONSUME(T.Number) as Token;
            this.ACTION(() => {
              mask = String(value);
              const most = ip.text.includes(':') ? 128 : 32;
              if (Number(value) >= 0 && Number(value) <= most) return;
              this.problem('bad-netmask', {}, span, { hint: `a mask has 0 to ${most} bits` });
            });
          },
        },
      ]);
    });
    return this.ACTION(() => ({
      kind: 'ip',
      value: ip.text,
      ...(mask === undefined ? {} : { mask }),
      span: this.from(ip.span),
    }));
  });

  private word({ image, span }: Token): Right {
    return { kind: 'id', value: image, span };
  }

  private self({ span }: Token): Right {
    return { kind: 'myself', span };
  }

  private value(expr: Expr): Right {
    return { kind: 'expr', expr };
  }
}
