/** Who knows where nsqd is: the script's own list, nsqlookupd, or the embedded broker. */
import { type Host, LEVEL } from '../../runtime/host.js';
import { AddressBook, findNsqd } from './address-book.js';
import { askJson, Discovery } from './discovery.js';
import { type Address, addressText, type Source } from './settings.js';

export interface Finder {
  stop(): void;
  /** A connection went: look again soon. */
  hurry?(): void;
}

export interface FinderTools {
  readonly host: Host;
  /** TCP port of the embedded broker, once it listens. */
  readonly embedded: Promise<number | undefined>;
}

type OnList = (list: readonly Address[]) => void;

/** Tells `onList` the nsqds of a source, and again whenever they change. `topic` null: all nsqds. */
export function findNsqds(source: Source, topic: string | null, tools: FinderTools, onList: OnList): Finder {
  switch (source.kind) {
    case 'embedded':
      return embedded(tools, onList);
    case 'nsqd':
      return listed(source.nsqds, tools.host, onList);
    case 'lookupd':
      return lookedUp(source.lookupds, topic, tools.host, onList);
  }
}

function embedded(tools: FinderTools, onList: OnList): Finder {
  let stopped = false;
  tools.embedded.then(
    (port) => {
      if (!stopped && port !== undefined) onList([{ host: '127.0.0.1', port }]);
    },
    // Whoever started the broker says why it does not run.
    () => {},
  );
  return {
    stop: () => {
      stopped = true;
    },
  };
}

function listed(nsqds: readonly Address[], host: Host, onList: OnList): Finder {
  const tools = {
    after: (ms: number, fn: () => void) => host.clock.after(ms, fn),
    find: (at: Address) => findNsqd(at, askJson),
    onProblem: (at: Address, error: string) =>
      host.log.write(LEVEL.ERR, 'nsq', `nsqd ${addressText(at)} cannot be reached: ${error}; trying again`),
    onFound: (at: Address, tcp: Address) => {
      if (at !== tcp)
        host.log.write(LEVEL.INFO, 'nsq', `${addressText(at)} is nsqd's HTTP port; its TCP port is ${tcp.port}`);
    },
  };
  return new AddressBook(nsqds, tools, onList);
}

function lookedUp(lookupds: readonly Address[], topic: string | null, host: Host, onList: OnList): Finder {
  const tools = {
    after: (ms: number, fn: () => void) => host.clock.after(ms, fn),
    random: () => host.random(),
    ask: askJson,
    onLookupd: (at: Address, error: string | undefined) => {
      if (error === undefined) host.log.write(LEVEL.INFO, 'nsq', `nsqlookupd ${addressText(at)} answers again`);
      else host.log.write(LEVEL.ERR, 'nsq', `nsqlookupd ${addressText(at)} does not answer: ${error}; trying again`);
    },
  };
  return new Discovery(lookupds, topic, tools, onList);
}
