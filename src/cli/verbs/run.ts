/** `kamscript run FILE`: a script in the foreground. */
import type { Command } from 'commander';
import { renderProblem } from '../../parser/index.js';
import { parseFlags } from '../flags.js';
import { LineWriter } from '../output.js';
import { serve } from '../serve.js';
import { loadWithFlags } from '../with-flags.js';

interface Options {
  readonly define: readonly string[];
  readonly listen: readonly string[];
  readonly debug?: string;
  readonly watch?: boolean;
  readonly record: string;
  readonly admin?: string;
}

export function addRun(program: Command, setStatus: (status: number) => void, started: () => void): void {
  program
    .command('run')
    .description('run a script in the foreground; SIGINT or SIGTERM ends it')
    .argument('<file>', 'script')
    .option('-A, --define <define...>', 'preprocessor defines: NAME or NAME=VALUE', [])
    .option('-l, --listen <address...>', 'further addresses to listen on: [proto:]host[:port]', [])
    .option('--admin <address>', 'serve /healthz, /readyz and /metrics over HTTP at [address:]port')
    .option('-w, --watch', 'reload when the script or a file that it includes changes')
    .option('--record <count>', 'messages and events kept for `kamscript record` and `reload --shadow`', '512')
    .option('--debug <level>', "log level, -5 to 3 (default: the script's own)")
    .action(async (file: string, options: Options) => setStatus(await run(file, options, started)));
}

async function run(file: string, options: Options, started: () => void): Promise<number> {
  const argv = [
    '-f',
    file,
    '-DD',
    '-E',
    ...options.define.flatMap((d) => ['-A', d]),
    ...options.listen.flatMap((l) => ['-l', l]),
    ...(options.admin === undefined ? [] : [`--admin=${options.admin}`]),
  ];
  const flags = parseFlags(options.debug === undefined ? argv : [...argv, `--debug=${options.debug}`]);
  if ('error' in flags) {
    process.stderr.write(`${flags.error}\n`);
    return 2;
  }
  let loaded: ReturnType<typeof loadWithFlags>;
  try {
    loaded = loadWithFlags(flags);
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    process.stderr.write(`${file}: cannot be read: ${message}\n`);
    return 2;
  }
  const color = process.stderr.isTTY === true;
  for (const p of loaded.problems) process.stderr.write(`${renderProblem(p, loaded.script.sources, { color })}\n`);
  if (loaded.program === undefined) {
    process.stderr.write(`${file}: not started\n`);
    return 1;
  }
  return serve(loaded.program, loaded.vars, flags, new LineWriter(2), {
    watch: options.watch ?? false,
    record: Math.max(0, Number(options.record) || 0),
    onReady: (server) => {
      const where = server.sockets.map((s) => s.text).join(', ');
      process.stderr.write(`kamscript: ${file} is running, listening on ${where}; Ctrl-C ends it\n`);
      started();
    },
  });
}
