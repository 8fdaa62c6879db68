/** What a script is told that wants a module of Kamailio which is not built here. */
import { expect, test } from 'vitest';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';

const told = (text: string) =>
  loadScript('t.cfg', { env: {}, vars: new VarStore(), text })
    .problems.filter((p) => p.severity === 'error')
    .map((p) => `${p.message} (${p.hint ?? ''})`);

test('the module alone is told of, not its parameters and functions', () => {
  const text = `loadmodule "websocket.so"
modparam("websocket", "keepalive_timeout", 30)
request_route { ws_handle_handshake(); }`;
  expect(told(text)).toEqual([
    'failed to load module "websocket.so" (websocket of Kamailio 5.6.3 is not built in kamscript; docs/modules.md lists what is)',
  ]);
});

test('a function of such a module without its loadmodule', () => {
  expect(told('request_route { dp_translate("1"); }')).toEqual([
    'unknown command dp_translate, missing loadmodule? (it is in module dialplan of Kamailio, which is not built in kamscript)',
  ]);
});
