/**
 * The examples of the definitions, as docs/reference shows them: each is loaded with its module, and run where it says what
 * it logs (`#>`) or sends (`#<`). The outputs are those of Kamailio 5.6.3, but that of {s.decode.base58}: there 5.6.3 prints
 * stray bytes behind the text.
 */
import { describe, expect, test } from 'vitest';
import { MODULES } from '../../src/modules/index.js';
import { EXAMPLE_REQUEST } from '../../src/runtime/example.js';
import type { AnyFunction, ModuleDefinition } from '../../src/runtime/module.js';
import { VarStore } from '../../src/runtime/var-store.js';
import { loadScript } from '../../src/server/load.js';
import { runScript } from '../support/script.js';

interface Example {
  readonly name: string;
  readonly module: ModuleDefinition;
  readonly text: string;
}

const formsOf = (def: AnyFunction) => [def, ...(def.forms ?? [])];

function examples(): Example[] {
  return MODULES.flatMap((module) => {
    const functions = Object.entries(module.functions ?? {}).flatMap(([name, def]) =>
      formsOf(def).map((form) => ({ name: `${name}()`, text: form.example })),
    );
    const variables = Object.entries(module.pvs ?? {}).map(([name, def]) => ({ name: `$${name}`, text: def.example }));
    return [...functions, ...variables].flatMap(({ name, text }) =>
      text === undefined ? [] : [{ name: `${module.name}: ${name}`, module, text }],
    );
  });
}

/** Modules that examples use besides their own. */
const USUAL = ['pv', 'xlog', 'sl', 'tm', 'rr', 'textops', 'textopsx', 'maxfwd', 'corex'];

function script({ module, text }: Example): string {
  const modules = new Set([...USUAL, ...(module.needs ?? []), module.name]);
  const lines = text.split('\n').filter((line) => !line.startsWith('#>') && !line.startsWith('#<'));
  const top = lines.filter((line) => /^(?:modparam\(|event_route\[)/.test(line));
  const statements = lines.filter((line) => !top.includes(line));
  const loads = [...modules].map((name) => `loadmodule "${name}.so"`);
  const body = statements.length > 0 ? statements.join('\n') : 'drop;';
  return `${loads.join('\n')}\n${top.join('\n')}\nrequest_route {\n${body}\n}\n`;
}

const marked = (text: string, mark: string) =>
  text.split('\n').flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length).trimStart()] : []));

const all = examples();
const isRun = ({ text }: Example) => /^#[<>]/m.test(text);

describe('examples that show what comes out', () => {
  test.each(all.filter(isRun))('$name', async (example) => {
    const running = await runScript(script(example));
    running.receive(EXAMPLE_REQUEST);
    expect(running.lines).toEqual(marked(example.text, '#>'));
    expect(running.sent.flatMap((message) => message.split('\r\n').slice(0, 1))).toEqual(marked(example.text, '#<'));
    await running.stop();
  });
});

describe('examples that only show the spelling', () => {
  test.each(all.filter((example) => !isRun(example)))('$name', (example) => {
    const { problems } = loadScript('example.cfg', { env: {}, vars: new VarStore(), text: script(example) });
    expect(problems.filter((p) => p.severity === 'error')).toEqual([]);
  });
});

const TRANSFORMED = MODULES.flatMap((m) => Object.values(m.transformations ?? {})).flatMap((d) =>
  Object.values(d.examples ?? {}),
);

test.each(TRANSFORMED)('%s, %s: %s', async (text, transformation, result) => {
  const quoted = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  const running = await runScript(
    `loadmodule "pv.so"\nloadmodule "xlog.so"\nrequest_route {\n$var(x) = "${quoted}";\nxlog("$(var(x)${transformation})\\n");\n}\n`,
  );
  running.receive(EXAMPLE_REQUEST);
  expect(running.lines).toEqual([result]);
});
