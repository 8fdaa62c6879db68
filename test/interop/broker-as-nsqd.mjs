#!/usr/bin/env node
// The embedded broker as a program with nsqd's options, so that test/interop/nsq.mjs can play its scenarios against it:
//   node test/interop/nsq.mjs --bin "node bin/kamscript.js" --nsqd test/interop/broker-as-nsqd.mjs --nsqlookupd PATH …
// It registers with no nsqlookupd and forgets all when it stops: consume-lookupd*, nsqd-restarts-mid-stream and publish-without-broker are not for it.
import { startBroker } from '../../dist/modules/nsq/broker.js';

const option = (name) => {
  const at = process.argv.indexOf(`-${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const port = (text) => Number(text?.split(':').at(-1) ?? 0);
const msgTimeout = option('msg-timeout');
const broker = await startBroker({
  tcpPort: port(option('tcp-address')),
  httpPort: port(option('http-address')),
  limits: msgTimeout ? { msgTimeout: Number.parseInt(msgTimeout, 10) } : {},
});
process.on('SIGTERM', () => void broker.stop().then(() => process.exit(0)));
