/** Kamailio's exec: external commands, run by the shell. A run that waits for one does not hold up the others. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Context } from '../runtime/context.js';
import { addBranch } from '../runtime/destination-set.js';
import { bindVariable } from '../runtime/format.js';
import {
  type BindResult,
  defineModule,
  fn,
  forms,
  intParam,
  LEVEL,
  type PvAccessor,
  parsed,
  str,
} from '../runtime/module.js';
import { callIdOf, cseqOf, fromOf, toOf, topVia } from '../sip/header.js';
import { HDR } from '../sip/header-names.js';
import { branch, type Header, type SipMessage } from '../sip/message.js';
import { parseUri } from '../sip/uri.js';

interface ExecParams {
  readonly setvars: number;
  readonly bash_safety: number;
  readonly time_to_kill: number;
}

interface Outcome {
  readonly output: string;
  /** Exit status; null: a signal ended it, or it could not be started. */
  readonly status: number | null;
}

/** Output beyond this is dropped: a command must not fill the memory. */
const MAX_OUTPUT = 1_000_000;
/** Kamailio reads lines of this length. */
const MAX_LINE = 1024;

/** Node writes arguments as UTF-8, message text has one character for each byte. A NUL ends a C string, and Node refuses it. */
const argument = (text: string) => Buffer.from(text, 'latin1').toString('utf8').replaceAll('\0', '');

/** Runs a command; `input` goes to its standard input. Never rejects. */
function execute(command: string, env: Record<string, string>, input: string, seconds: number): Promise<Outcome> {
  // The command inherits what the server was started with, as popen(3) has it: env(1) adds to that.
  const additions = Object.entries(env).map(([name, value]) => argument(`${name}=${value}`));
  return new Promise((resolve) => {
    const failed = () => resolve({ output: '', status: null });
    let child: ReturnType<typeof spawn>;
    try {
      child = spawn('/usr/bin/env', [...additions, '/bin/sh', '-c', argument(command)], {
        stdio: [input === '' ? 'ignore' : 'pipe', 'pipe', 'inherit'],
        ...(seconds > 0 ? { timeout: seconds * 1000, killSignal: 'SIGTERM' } : {}),
      });
    } catch {
      // What the system refuses at once, such as arguments that are too long, Node throws.
      failed();
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT) chunks.push(chunk);
    });
    child.on('error', failed);
    child.on('close', (status) => resolve({ output: Buffer.concat(chunks).toString('latin1'), status }));
    // A command that ends before it has read everything is none of our business.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(Buffer.from(input, 'latin1'));
  });
}

// ----------------------------------------------------------------- environment

/** Headers whose compact form gets the name of the long one. */
const CANONICAL: ReadonlyMap<number, string> = new Map([
  [HDR.VIA, 'VIA'],
  [HDR.CONTENTTYPE, 'CONTENT_TYPE'],
  [HDR.FROM, 'FROM'],
  [HDR.CALLID, 'CALLID'],
  [HDR.SUPPORTED, 'SUPPORTED'],
  [HDR.CONTENTLENGTH, 'CONTENT_LENGTH'],
  [HDR.CONTACT, 'CONTACT'],
  [HDR.TO, 'TO'],
  [HDR.EVENT, 'EVENT'],
]);

function variableName(h: Header): string {
  return CANONICAL.get(h.id) ?? h.name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

/** A value that bash would take for a function loses its head (Shellshock). */
function safe(value: string, params: ExecParams): string {
  return params.bash_safety !== 0 && value.startsWith('() {') ? value.slice(2) : value;
}

/** `SIP_RURI`, `SIP_HF_SUBJECT` …: what the command learns of the message. */
function environment(ctx: Context, params: ExecParams): Record<string, string> {
  if (params.setvars === 0) return {};
  const { msg } = ctx;
  const out: Record<string, string> = {
    SIP_SRCIP: msg.received.srcIp,
    SIP_RURI: msg.uri,
    SIP_USER: parseUri(msg.uri)?.user ?? '',
    SIP_ORUI: msg.originalUri,
    SIP_OUSER: parseUri(msg.originalUri)?.user ?? '',
    SIP_TID: transactionId(msg),
    SIP_DID: toOf(msg)?.tag ?? '',
  };
  for (const h of msg.headers) {
    const name = `SIP_HF_${variableName(h)}`;
    const value = safe(msg.value(h), params);
    out[name] = out[name] === undefined ? value : `${out[name]},${value}`;
  }
  return out;
}

function transactionId(msg: SipMessage): string {
  const via = topVia(msg);
  const toTag = ['INVITE', 'ACK', 'CANCEL'].includes(msg.method) ? '' : (toOf(msg)?.tag ?? '');
  const parts = [
    fromOf(msg)?.tag,
    toTag,
    callIdOf(msg),
    msg.originalUri,
    cseqOf(msg)?.number,
    via?.host,
    via?.port || '',
    via?.branch,
  ];
  return createHash('md5')
    .update(parts.map((p) => String(p ?? '')).join(''), 'latin1')
    .digest('hex');
}

// -------------------------------------------------------------------- functions

const lines = (output: string) =>
  output
    .split('\n')
    .map((line) => line.slice(0, MAX_LINE).replace(/[\r\n\t ]+$/, ''))
    .filter((line) => line !== '');

function code(ctx: Context, command: string, outcome: Outcome): number {
  if (outcome.status === null && ctx.host.log.level >= LEVEL.ERR)
    ctx.host.log.write(LEVEL.ERR, 'exec', `cmd ${command} failed`);
  return outcome.status === 0 ? 1 : -1;
}

async function message(ctx: Context, params: ExecParams, command: string): Promise<number> {
  const outcome = await execute(command, environment(ctx, params), ctx.msg.text, params.time_to_kill);
  return code(ctx, command, outcome);
}

/** The URI is an argument: quoted, so that the shell takes nothing in it for its own. */
async function destinations(ctx: Context, params: ExecParams, command: string): Promise<number> {
  const uri = ctx.msg.uri.replaceAll("'", "'\\''");
  const outcome = await execute(`${command} '${uri}'`, environment(ctx, params), '', params.time_to_kill);
  const [first, ...others] = lines(outcome.output);
  if (first === undefined) return -1;
  ctx.msg.newUri = first;
  for (const uri of others) if (!addBranch(ctx, branch(uri))) return -1;
  return code(ctx, command, outcome);
}

/** Lines go to the variables in order, those beyond to AVPs of their number. */
async function intoAvps(
  ctx: Context,
  params: ExecParams,
  command: string,
  targets: readonly PvAccessor[],
): Promise<number> {
  const outcome = await execute(command, environment(ctx, params), '', params.time_to_kill);
  for (const [i, line] of lines(outcome.output).entries()) {
    const target = targets[i];
    if (target !== undefined) target.set?.(ctx, line);
    else pushAvp(ctx, `i:${i + 1}`, line);
  }
  return code(ctx, command, outcome);
}

function pushAvp(ctx: Context, key: string, value: string): void {
  const known = ctx.env.avps.get(key);
  if (known === undefined) ctx.env.avps.set(key, [{ value, flags: 0 }]);
  else known.unshift({ value, flags: 0 });
}

/** `$avp(a);$avp(b)`. */
const avpList = (name: string) =>
  parsed<PvAccessor[]>(name, 'AVPs', (text, env): BindResult<PvAccessor[]> => {
    const out: PvAccessor[] = [];
    for (const part of text
      .split(';')
      .map((p) => p.trim())
      .filter((p) => p !== '')) {
      const variable = bindVariable(part, env, { quoted: true });
      if ('error' in variable) return variable;
      if (!/^\$\(?avp\(/.test(part)) return { error: `'${part}' is no AVP` };
      out.push(variable.ok);
    }
    return out.length === 0 ? { error: 'at least one AVP is wanted' } : { ok: out };
  });

const command = () => str('command');
const routes = ['request', 'failure', 'local'] as const;

export const exec = defineModule({
  name: 'exec',
  doc: 'Runs external commands by the shell. They learn of the message by environment variables such as SIP_RURI and SIP_HF_FROM.',
  params: {
    time_to_kill: intParam(0, 'Seconds after which a command is ended; 0 never.'),
    setvars: intParam(1, '0: no environment variables are made of the message.'),
    bash_safety: intParam(1, 'Takes the head off header values that bash would take for a function.'),
  },
  functions: {
    exec_msg: fn({
      doc: 'Runs a command with the received message as its input; true if it exits with 0.',
      args: [command()],
      routes,
      waits: true,
      run: (ctx, params: ExecParams, cmd) => message(ctx, params, cmd),
    }),
    exec_dset: fn({
      doc: 'Runs a command with the request URI as last argument; the URIs it prints, one a line, become the destination set.',
      args: [command()],
      routes: ['request', 'failure'],
      waits: true,
      run: (ctx, params: ExecParams, cmd) => destinations(ctx, params, cmd),
    }),
    exec_avp: forms(
      fn({
        doc: 'Runs a command; the lines it prints go to `$avp(i:1)`, `$avp(i:2)` and so on.',
        args: [command()],
        routes,
        waits: true,
        run: (ctx, params: ExecParams, cmd) => intoAvps(ctx, params, cmd, []),
      }),
      fn({
        doc: 'Runs a command; the lines it prints go to the AVPs given: "$avp(a);$avp(b)".',
        args: [command(), avpList('avps')],
        routes,
        waits: true,
        run: (ctx, params: ExecParams, cmd, targets) => intoAvps(ctx, params, cmd, targets),
      }),
    ),
    exec_cmd: fn({
      doc: 'Runs a command; true if it exits with 0.',
      args: [command()],
      waits: true,
      run: async (ctx, params: ExecParams, cmd) => code(ctx, cmd, await execute(cmd, {}, '', params.time_to_kill)),
    }),
  },
});
