/** What a script is told that wants a module of Kamailio which is not built here. */
import { expect, test } from 'vitest';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';

const told = (text: string) =>
  loadScript('t.cfg', { env: {}, vars: new VarStore(), text })
    .problems.filter((p) => p.severity === 'error')
    .map((p) => `${p.message} (${p.hint ?? ''})`);

test('the module alone is told of, not its parameters and functions', () => {
  const text = `loadmodule "app_java.so"
modparam("app_java", "class_name", "X")
request_route { java_method_exec(); }`;
  expect(told(text)).toEqual([
    'failed to load module "app_java.so" (app_java of Kamailio 5.6.3 is not built in kamscript; docs/modules.md lists what is)',
  ]);
});

test('a function of such a module without its loadmodule', () => {
  expect(told('request_route { lua_run("f"); }')).toEqual([
    'unknown command lua_run, missing loadmodule? (it is in module app_lua of Kamailio, which is not built in kamscript)',
  ]);
});
