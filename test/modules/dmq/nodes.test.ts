import { describe, expect, test } from 'vitest';
import { makeNode, NodeList, nodeKey, parseList, uriOf } from '../../../src/modules/dmq/nodes.js';

function bus(): NodeList {
  const list = new NodeList();
  list.add(makeNode('sip:127.0.0.1:11501', 'active', { local: true })!);
  return list;
}

describe('the list on the wire', () => {
  test('has own node and the active ones, each line ended by CRLF', () => {
    const list = bus();
    list.add(makeNode('sip:127.0.0.1:11502', 'active')!);
    list.add(makeNode('sip:127.0.0.1:11503;transport=tcp', 'active')!);
    list.add(makeNode('sip:127.0.0.1:11504', 'pending')!);
    expect(list.text()).toBe(
      'sip:127.0.0.1:11503;transport=tcp;status=active\r\nsip:127.0.0.1:11502;status=active\r\nsip:127.0.0.1:11501;status=active\r\n',
    );
  });

  test('a node without a port is written with a bare colon, as 5.6.3 does', () => {
    expect(uriOf(nodeKey('sip:127.0.0.1')!)).toBe('sip:127.0.0.1:');
  });

  test('bad lines are skipped and the others kept', () => {
    const { nodes, bad } = parseList(
      'nonsense\r\n\r\nsip:h:1;status=activ\r\nsip:h:2;status=active\r\nsip:h:3\nsip:h:4;status=disabled\0',
    );
    expect(nodes.map((n) => [n.port, n.status])).toEqual([
      ['2', 'active'],
      ['3', 'pending'],
      ['4', 'disabled'],
    ]);
    expect(bad).toBe(2);
  });
});

describe('what changes a status', () => {
  test('a transport that is named makes another node', () => {
    const list = bus();
    list.merge(parseList('sip:h:1;status=active\r\nsip:h:1;transport=udp;status=active\r\n').nodes);
    expect(list.others()).toHaveLength(2);
  });

  test('a disabled node stays disabled whatever lists say, and comes back by a 200 of its own', () => {
    const list = bus();
    list.merge(parseList('sip:h:1;status=disabled\r\n').nodes);
    list.merge(parseList('sip:h:1;status=active\r\n').nodes);
    const node = list.others()[0]!;
    expect(node.status).toBe('disabled');
    expect(list.replied(node, 200)).toBe('active');
  });

  test('two timeouts remove a node; a notification address only becomes pending', () => {
    const list = bus();
    list.add(makeNode('sip:h:1', 'active')!);
    list.add(makeNode('sip:h:2', 'active', { notification: true })!);
    const [notified, plain] = list.others() as [never, never];
    expect([list.replied(plain, 408), list.replied(plain, 408)]).toEqual(['disabled', 'removed']);
    expect([list.replied(notified, 408), list.replied(notified, 408)]).toEqual(['pending', 'pending']);
    expect(list.others()).toEqual([notified]);
  });

  test('404 and 202 change nothing, and lines about the local node are ignored', () => {
    const list = bus();
    list.add(makeNode('sip:h:1', 'pending')!);
    expect(list.replied(list.others()[0]!, 404)).toBeUndefined();
    list.merge(parseList('sip:127.0.0.1:11501;status=disabled\r\n').nodes);
    expect(list.local?.status).toBe('active');
  });
});
