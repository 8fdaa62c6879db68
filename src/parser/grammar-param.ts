/** Rules for global parameters (language.md, section 11). */
import type { TokenType } from './chevrotain.js';
import { CORE_PARAM_BY_NAME, type CoreParamInfo, type CoreParamType } from './core-params.js';
import { type Address, HOST_STARTS, listenAddress } from './grammar-address.js';
import { StatementRules } from './grammar-statement.js';
import type { Span } from './problem.js';
import { AnyCoreParam, T, type Token } from './tokens.js';
import type { CoreParam, CoreValue, CustomGlobal, ListenAddress } from './tree.js';

/** The tokens with which a value of each type begins. */
const VALUE_STARTS: Readonly<Record<CoreParamType, readonly TokenType[]>> = {
  int: [T.Number],
  bool: [T.Number],
  signed: [T.Number, T.Minus],
  string: [T.String],
  id: [T.Id],
  name: [T.Id, T.String],
  addresses: [],
  host: HOST_STARTS,
  ipv4: [T.Number],
  ipv6: [T.Ipv6, T.LBracket],
  proto: [T.Proto, T.Star],
  'tls-method': [T.TlsMethod],
  'int-or-id': [T.Number, T.Id],
};
const ADDRESS_STARTS: readonly TokenType[] = [...HOST_STARTS, T.Proto, T.Star, T.LParen];
const HOSTS: readonly (CoreParamType | undefined)[] = ['host', 'ipv4', 'ipv6'];

export abstract class ParamRules extends StatementRules {
  /** Own parameters declared so far: `group.name`. */
  protected globals = new Set<string>();

  protected coreParam = this.RULE('coreParam', (): CoreParam => {
    const name = this.CONSUME(AnyCoreParam) as Token;
    const info = this.ACTION(() => CORE_PARAM_BY_NAME.get(name.image)) as CoreParamInfo;
    const value = this.SUBRULE(this.paramValue, { ARGS: [info] });
    return this.ACTION(() => this.param(info, name.span, value));
  });

  private param(info: CoreParamInfo, nameSpan: Span, value: CoreValue): CoreParam {
    if (info.doc.startsWith('Accepted with a warning')) {
      this.problem('ignored-parameter', { name: info.name }, value.span);
    }
    return { kind: 'param', name: info.name, nameSpan, value, span: this.from(nameSpan) };
  }

  private paramValue = this.RULE('paramValue', (info: CoreParamInfo): CoreValue => {
    const text = info?.expected ?? '';
    this.need(1, T.Equal, text);
    if (!this.RECORDING_PHASE && !VALUE_STARTS[info.type].includes(this.type(1))) {
      const numeric = VALUE_STARTS[info.type].includes(T.Number);
      this.panic(text, { missing: 'value', opened: numeric ? this.spanAt(1) : undefined });
    }
    return this.OR<CoreValue>([
      {
        GATE: () => HOSTS.includes(info.type),
        ALT: () => {
          if (!this.RECORDING_PHASE && info.type !== 'host' && !this.atIp) this.panic(text, { missing: 'value' });
          const host = this.SUBRULE(this.host, { ARGS: [text] });
          return this.ACTION(() => ({ kind: 'string', value: host.text, span: host.span }));
        },
      },
      {
        ALT: () => {
          let sign = 1;
          const minus = this.OPTION(() => {
            sign = -1;
            return this.CONSUME(T.Minus) as Token;
          });
          const number = this.need(2, T.Number, text);
          return this.ACTION(() => ({
            kind: 'number',
            value: (sign * Number(number.value)) | 0,
            span: this.from((minus ?? number).span),
          }));
        },
      },
      {
        ALT: () => {
          const { value, span } = this.CONSUME(T.String) as Token;
          return this.ACTION(() => ({ kind: 'string', value: String(value), span }));
        },
      },
      {
        ALT: () => {
          const { image, span } = this.OR2([
            { ALT: () => this.CONSUME(T.Id) },
            { ALT: () => this.CONSUME(T.Proto) },
            { ALT: () => this.CONSUME(T.Star) },
            { ALT: () => this.CONSUME(T.TlsMethod) },
          ]) as Token;
          return this.ACTION(() => ({ kind: 'id', value: image, span }));
        },
      },
    ]);
  });

  protected listen = this.RULE('listen', (): CoreParam => {
    const name = this.CONSUME(T.Listen) as Token;
    const isListen = this.ACTION(() => name.image === 'listen');
    const text = isListen ? 'ip address, interface name or hostname expected' : 'hostname expected';
    this.need(1, T.Equal, text);
    const addresses: Address[] = [];
    const first = this.LA(1) as Token;
    if (!this.RECORDING_PHASE && !ADDRESS_STARTS.includes(this.type(1))) this.panic(text, { missing: 'host' });
    this.AT_LEAST_ONE({ DEF: () => addresses.push(this.SUBRULE(this.address, { ARGS: [text, true] })) });
    const options: Pick<ListenAddress, 'advertise' | 'name' | 'virtual'>[] = [];
    this.OPTION({
      GATE: () => isListen,
      DEF: () => options.push(this.SUBRULE(this.listenOptions, { ARGS: [text] })),
    });
    return this.ACTION((): CoreParam => {
      this.warnSwallowed(addresses);
      const value = addresses.map((address) => ({ ...listenAddress(address), ...options[0] }));
      return {
        kind: 'param',
        name: name.image,
        nameSpan: name.span,
        value: { kind: 'addresses', value, span: this.from(first.span) },
        span: this.from(name.span),
      };
    });
  });

  /** A bare word on a line of its own in front of a `=` or `.` was meant as something else. */
  private warnSwallowed(addresses: readonly Address[]): void {
    const last = addresses.at(-1);
    if (addresses.length < 2 || !last || this.type(1) !== T.Equal) return;
    this.syntaxError('ip address, interface name or hostname expected', { missing: 'listed' });
  }

  private listenOptions = this.RULE('listenOptions', (text: string) => {
    let advertise: ListenAddress['advertise'];
    let name: string | undefined;
    let virtual = false;
    this.OPTION(() => {
      this.CONSUME(T.Advertise);
      const host = this.SUBRULE(this.host, { ARGS: [text] });
      advertise = this.ACTION(() => ({ host: host.text }));
      this.OPTION4(() => {
        this.CONSUME(T.Colon);
        const port = this.need(2, T.Number, text, { missing: 'value' });
        advertise = this.ACTION(() => ({ host: host.text, port: Number(port.value) }));
      });
    });
    this.OPTION2(() => {
      this.CONSUME(T.Name);
      const token = this.need(1, T.String, '', { missing: 'value' });
      name = this.ACTION(() => String(token.value));
    });
    this.OPTION3(() => {
      this.CONSUME(T.Virtual);
      virtual = true;
    });
    return {
      ...(advertise === undefined ? {} : { advertise }),
      ...(name === undefined ? {} : { name }),
      ...(virtual ? { virtual } : {}),
    };
  });

  protected kemi = this.RULE('kemi', (): CoreParam => {
    const start = this.CONSUME(T.Kemi) as Token;
    this.need(1, T.Dot, '');
    const callback = this.need(2, T.KemiCallback, '');
    const info = this.ACTION(() => CORE_PARAM_BY_NAME.get(`kemi.${callback.image}`)) as CoreParamInfo;
    const value = this.SUBRULE(this.paramValue, { ARGS: [info] });
    return this.ACTION(() => this.param(info, start.span, value));
  });

  /** `group.name = value desc "…"`, `group[n].name = value`. */
  protected customGlobal = this.RULE('customGlobal', (): CustomGlobal => {
    const group = this.OR([{ ALT: () => this.CONSUME(T.Id) }, { ALT: () => this.CONSUME(T.Default) }]) as Token;
    let instance: number | undefined;
    this.OPTION(() => {
      this.CONSUME(T.LBracket);
      const token = this.need(1, T.Number, '', { missing: 'value' });
      this.need(2, T.RBracket, '');
      instance = this.ACTION(() => Number(token.value));
    });
    this.need(3, T.Dot, this.type(1) === T.Equal ? 'unknown config variable' : '', { missing: 'item' });
    if (!this.RECORDING_PHASE && this.type(1) !== T.Id && this.type(1) !== T.Default) {
      this.panic(this.type(1) === T.Number ? 'cfg var field name - use of number or reserved token not allowed' : '', {
        missing: 'name',
      });
    }
    const name = this.OR2([{ ALT: () => this.CONSUME2(T.Id) }, { ALT: () => this.CONSUME2(T.Default) }]) as Token;
    this.need(4, T.Equal, '');
    if (!this.RECORDING_PHASE && this.type(1) !== T.Number && this.type(1) !== T.String) {
      this.panic('number or string expected', { missing: 'value' });
    }
    const value = this.OR3([{ ALT: () => this.CONSUME2(T.Number) }, { ALT: () => this.CONSUME2(T.String) }]) as Token;
    let description: string | undefined;
    this.OPTION2({
      GATE: () => instance === undefined,
      DEF: () => {
        this.CONSUME(T.Description);
        const text = this.need(5, T.String, '', { missing: 'value' });
        description = this.ACTION(() => String(text.value));
      },
    });
    return this.ACTION(() => {
      const key = `${group.image}.${name.image}`;
      if (instance === undefined && this.globals.has(key)) {
        const cause = { span: group.span, label: `${key} exists already` };
        this.problem('duplicate-variable', {}, description === undefined ? this.spanAt(1) : this.spanAt(0), { cause });
      }
      if (instance === undefined) this.globals.add(key);
      return {
        kind: 'global',
        group: group.image,
        ...(instance === undefined ? {} : { instance }),
        name: name.image,
        value: value.value,
        ...(description === undefined ? {} : { description }),
        span: this.from(group.span),
      };
    });
  });
}
