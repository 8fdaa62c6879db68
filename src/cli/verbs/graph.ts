/** `kamscript graph FILE`: which block of a script leads to which. */
import { type Command, Option } from 'commander';
import { renderProblem } from '../../parser/index.js';
import { dot, mermaid, routeGraph } from '../../runtime/graph.js';
import { svg } from '../../runtime/graph-svg.js';
import { loadScript } from '../../server/load.js';

const FORMATS = {
  mermaid,
  dot,
  svg,
  json: (graph: ReturnType<typeof routeGraph>) => `${JSON.stringify(graph, null, 2)}\n`,
} as const;

interface Options {
  readonly format: keyof typeof FORMATS;
  readonly svg?: boolean;
}

export function addGraph(program: Command, setStatus: (status: number) => void): void {
  program
    .command('graph')
    .description('draw the blocks of a script: calls, and routes that are armed by t_on_failure() and its kin')
    .argument('<file>', 'script')
    .addOption(new Option('-f, --format <format>', 'how to draw').choices(Object.keys(FORMATS)).default('mermaid'))
    .option('--svg', 'the same as --format svg')
    .action((file: string, { svg, format }: Options) => setStatus(graph(file, { format: svg ? 'svg' : format })));
}

/** Exit status: 0 drawn, 1 the script has syntax errors, 2 the file cannot be read. */
function graph(file: string, { format }: Options): number {
  try {
    const { script } = loadScript(file, { env: process.env });
    const errors = script.problems.filter((p) => p.severity === 'error');
    for (const p of errors) process.stderr.write(`${renderProblem(p, script.sources)}\n`);
    if (errors.length > 0) return 1;
    process.stdout.write(FORMATS[format](routeGraph(script)));
    return 0;
  } catch (e) {
    const { code, message } = e as NodeJS.ErrnoException;
    if (code === undefined) throw e;
    process.stderr.write(`${file}: cannot be read: ${message}\n`);
    return 2;
  }
}
