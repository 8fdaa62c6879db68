/** Reference nsq.md, section 2. */
import { describe, expect, test } from 'vitest';
import { params } from '../../../src/modules/nsq/params.js';
import { type NsqParams, nsqSettings, parseAddress } from '../../../src/modules/nsq/settings.js';

const defaults = Object.fromEntries(
  Object.entries(params).flatMap(([name, p]) => (p.type === 'alias' ? [] : [[name, p.default]])),
);
const of = (given: NsqParams) => nsqSettings({ ...defaults, ...given });
const settings = (given: NsqParams) => of(given).settings;

describe('addresses', () => {
  test.each([
    ['127.0.0.1', { host: '127.0.0.1', port: 0 }],
    ['nsq.example.com:4151', { host: 'nsq.example.com', port: 4151 }],
    ['[::1]:4150', { host: '::1', port: 4150 }],
    ['[fe80::1]', { host: 'fe80::1', port: 0 }],
    ['::1', { host: '::1', port: 0 }],
    ['a:b', undefined],
    ['a:0', undefined],
    ['a:70000', undefined],
    ['two words', undefined],
  ])('%s', (text, address) => expect(parseAddress(text)).toEqual(address));

  test('a list is cut at commas, blanks are nothing, an entry without a port takes the port parameter', () => {
    const { consumeFrom } = settings({ nsqd_address: 'a:1 , b,[::1]:3,', nsqd_port: 9, consumer_use_nsqd: 1 });
    expect(consumeFrom).toEqual({
      kind: 'nsqd',
      nsqds: [
        { host: 'a', port: 1 },
        { host: 'b', port: 9 },
        { host: '::1', port: 3 },
      ],
    });
  });

  test('a bad entry is a problem, not an exception', () => {
    expect(of({ lookupd_address: 'a,b c' }).problems).toEqual([
      expect.stringContaining("lookupd_address: 'b c' is no address"),
    ]);
  });
});

describe('where it consumes and publishes', () => {
  const lookupd = { kind: 'lookupd', lookupds: [{ host: '127.0.0.1', port: 4161 }] };
  const nsqd = { kind: 'nsqd', nsqds: [{ host: 'n', port: 4150 }] };
  test.each<[string, NsqParams, object, object]>([
    ['nothing given: lookupd at 127.0.0.1', {}, lookupd, lookupd],
    [
      'consumer_use_nsqd alone: nsqd at 127.0.0.1',
      { consumer_use_nsqd: 1 },
      { kind: 'nsqd', nsqds: [{ host: '127.0.0.1', port: 4150 }] },
      { kind: 'nsqd', nsqds: [{ host: '127.0.0.1', port: 4150 }] },
    ],
    ['nsqd alone: both there', { nsqd_address: 'n' }, nsqd, nsqd],
    ['both: found by lookupd, published to nsqd', { nsqd_address: 'n', lookupd_address: '127.0.0.1' }, lookupd, nsqd],
    [
      'both and consumer_use_nsqd: nsqd only',
      { nsqd_address: 'n', lookupd_address: 'l', consumer_use_nsqd: 1 },
      nsqd,
      nsqd,
    ],
  ])('%s', (_, given, consumeFrom, publishTo) => expect(settings(given)).toMatchObject({ consumeFrom, publishTo }));

  test('embedded, with its ports', () => {
    const embedded = { kind: 'embedded', port: 4150, httpPort: 0 };
    expect(settings({ nsqd_address: 'embedded', embedded_port: 4150 })).toMatchObject({
      consumeFrom: embedded,
      publishTo: embedded,
    });
  });
});

describe('subscriptions', () => {
  test.each<[string, NsqParams, [string, string][]]>([
    ['none given: the default of the C module', {}, [['Kamailio-Topic', 'Kamailio-Channel']]],
    ['listen_*', { listen_topic: 't', listen_channel: 'c' }, [['t', 'c']]],
    ['consumer_* without a channel', { consumer_topic: 't' }, [['t', 'Kamailio-Channel']]],
    ['default_channel', { consumer_topic: 't', default_channel: 'd' }, [['t', 'd']]],
    [
      'topic_channel, cut at the first colon',
      { topic_channel: ['a:b', 'c'] },
      [
        ['a', 'b'],
        ['c', 'Kamailio-Channel'],
      ],
    ],
    [
      'all together, each once',
      {
        listen_topic: 'a',
        listen_channel: 'b',
        consumer_topic: 'x',
        consumer_channel: 'y',
        topic_channel: ['a:b', 'e#ephemeral:f'],
      },
      [
        ['a', 'b'],
        ['x', 'y'],
        ['e#ephemeral', 'f'],
      ],
    ],
  ])('%s', (_, given, list) => {
    expect(of(given).problems).toEqual([]);
    expect(settings(given).subscriptions.map((s) => [s.topic, s.channel])).toEqual(list);
  });

  test('a channel without a topic, and names that nsqd refuses, are problems', () => {
    expect(of({ listen_channel: 'c' }).problems).toHaveLength(1);
    expect(of({ topic_channel: ['a b:c', `${'x'.repeat(65)}:c`, 'a:b:c'] }).problems).toHaveLength(3);
  });
});

test('max_in_flight is 5 when unset, and at least 1', () => {
  expect(settings({}).maxInFlight).toBe(5);
  expect(settings({ max_in_flight: 0 }).maxInFlight).toBe(1);
});

test('ack_mode, msg_timeout, output_buffer_timeout, json_escape_char and the TLS files are checked', () => {
  expect(settings({ ack_mode: 'after' }).ackMode).toBe('after');
  expect(
    of({ ack_mode: 'never', msg_timeout: 5, output_buffer_timeout: 1, json_escape_char: 'ab', tls_cert_file: 'x' })
      .problems,
  ).toHaveLength(5);
});
