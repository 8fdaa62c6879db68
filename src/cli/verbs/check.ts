/** `kamscript check FILE…`: every problem of a script, with its place and a way out. */
import path from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { lint } from '../../runtime/lint/index.js';
import { loadScript } from '../../server/load.js';
import { CONFIG_NAME, ConfigError, configFor } from '../config.js';
import { type Checked, FORMATS, type Format, report } from '../report.js';

interface Options {
  readonly format: Format;
  readonly define: readonly string[];
  readonly lint: boolean;
  readonly config?: string;
}

export function addCheck(program: Command, setStatus: (status: number) => void): void {
  program
    .command('check')
    .description('check scripts: every error with its place and a way out; nothing of them is run')
    .argument('<file...>', 'scripts')
    .addOption(new Option('--format <format>', 'how to print').choices(FORMATS).default('text'))
    .option('-A, --define <define...>', 'preprocessor defines: NAME or NAME=VALUE', [])
    .option('--no-lint', 'errors and warnings of the load alone, without the rules of docs/rules.md')
    .option('--config <file>', `settings in place of the ${CONFIG_NAME} in the script's folder or above it`)
    .action((files: string[], options: Options) => setStatus(check(files, options)));
}

/** Exit status: 0 no error, 1 a script has errors, 2 a file cannot be read. */
function check(files: readonly string[], options: Options): number {
  const defines = new Map(options.define.map((d) => [d.replace(/=.*$/s, ''), /=(.*)$/s.exec(d)?.[1]]));
  const checked: Checked[] = [];
  let unreadable = false;
  for (const file of files) {
    try {
      const { program, problems, script } = loadScript(file, { env: process.env, defines });
      const found =
        program === undefined || !options.lint
          ? []
          : lint(program, { levels: configFor(path.dirname(file), options.config).rules });
      const all = [...problems, ...found].sort((a, b) => a.span.order - b.span.order);
      checked.push({ file, problems: all, sources: script.sources });
    } catch (e) {
      const { code, message } = e as NodeJS.ErrnoException;
      if (code === undefined) throw e;
      process.stderr.write(e instanceof ConfigError ? `${message}\n` : `${file}: cannot be read: ${message}\n`);
      unreadable = true;
    }
  }
  process.stdout.write(report(checked, options.format, process.stdout.isTTY === true));
  if (unreadable) return 2;
  return checked.some((c) => c.problems.some((p) => p.severity === 'error')) ? 1 : 0;
}
