/** What a script is told that wants a module of Kamailio which is not built here. */
import { expect, test } from 'vitest';
import { MODULES } from '../../../src/modules/index.js';
import { isUnbuilt, unbuiltModuleOf } from '../../../src/runtime/kamailio-modules.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';

const told = (text: string) =>
  loadScript('t.cfg', { env: {}, vars: new VarStore(), text })
    .problems.filter((p) => p.severity === 'error')
    .map((p) => `${p.message} (${p.hint ?? ''})`);

test('the module alone is told of, not its parameters and functions', () => {
  const text = `loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:2223")
request_route { rtpengine_manage("replace-origin"); }`;
  expect(told(text)).toEqual([
    'failed to load module "rtpengine.so" (rtpengine of Kamailio 5.6.3 is not built in kamscript; docs/modules.md lists what is)',
  ]);
});

test('a function of such a module without its loadmodule', () => {
  expect(told('request_route { dp_translate("1"); }')).toEqual([
    'unknown command dp_translate, missing loadmodule? (it is in module dialplan of Kamailio, which is not built in kamscript)',
  ]);
});

test('the list names nothing that is built', () => {
  expect(MODULES.map((m) => m.name).filter(isUnbuilt)).toEqual([]);
  expect(unbuiltModuleOf('RTPENGINE_offer')).toBe('rtpengine');
});
