/** `kamscript reload`: a running server takes the script on disk; `--shadow N` first shows what would be otherwise. */
import type { Command } from 'commander';
import type { RpcValue } from '../../runtime/module.js';
import { callServer, DEFAULT_SOCKET, RpcError } from '../rpc-client.js';
import { type ShadowReport, shadowText } from '../shadow/play.js';

interface Options {
  readonly socket: string;
  readonly dryRun?: boolean;
  readonly shadow?: string;
  readonly ifSame?: boolean;
  readonly json?: boolean;
}

export function addReload(program: Command, setStatus: (status: number) => void): void {
  program
    .command('reload')
    .description('let a running server take its script anew; a script with an error changes nothing')
    .option('-s, --socket <address>', 'control socket of the server (module ctl)', DEFAULT_SOCKET)
    .option('--dry-run', 'only say what would change')
    .option('--shadow <count>', 'first play the last messages and events through both versions, and show differences')
    .option('--if-same', 'with --shadow: reload only when there is no difference')
    .option('--json', 'print JSON')
    .action(async (options: Options) => setStatus(await reload(options)));
}

/** Exit status: 0 reloaded (or would), 1 not, 2 the server cannot be reached. */
async function reload(options: Options): Promise<number> {
  try {
    const shadow = options.shadow === undefined ? undefined : await shadowOf(options);
    if (shadow?.failed !== undefined) return 1;
    if (options.ifSame && shadow !== undefined && shadow.differences.length > 0) {
      process.stderr.write('not reloaded: the versions differ\n');
      return 1;
    }
    const args = options.dryRun ? ['dryrun'] : [];
    const answer = (await callServer(options.socket, 'kamscript.reload', ...args)) as Readonly<
      Record<string, RpcValue>
    >;
    process.stdout.write(options.json ? `${JSON.stringify(answer, null, 2)}\n` : text(answer));
    return answer.ok === 1 ? 0 : 1;
  } catch (e) {
    if (!(e instanceof RpcError)) throw e;
    process.stderr.write(`reload: ${e.message}\n`);
    return 2;
  }
}

async function shadowOf({ socket, shadow, json }: Options): Promise<ShadowReport> {
  const count = Math.max(1, Number(shadow) || 1);
  const report = JSON.parse(`${await callServer(socket, 'kamscript.shadow', count)}`) as ShadowReport;
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : shadowText(report));
  return report;
}

function text(answer: Readonly<Record<string, RpcValue>>): string {
  const problems = Array.isArray(answer.problems)
    ? (answer.problems as readonly Readonly<Record<string, RpcValue>>[])
    : [];
  const lines = problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.severity}: ${p.message} [${p.code}]`);
  return `${[...lines, `${answer.summary}`].join('\n')}\n`;
}
