import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FrameReader,
  OPCODE,
  PAYLOAD_LIMIT,
  type WsClose,
  type WsFrame,
  wsCloseFrame,
  wsFrame,
  wsMessage,
} from '../../src/sip/ws-frame.js';
import { frameBytes } from '../support/ws-client.js';

/** What a reader makes of the pieces. */
function read(pieces: readonly Buffer[]): { frames: WsFrame[]; broken: WsClose[] } {
  const frames: WsFrame[] = [];
  const broken: WsClose[] = [];
  const reader = new FrameReader({ frame: (frame) => frames.push(frame), broken: (close) => broken.push(close) });
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return { frames, broken };
}

/** Cut at the places that the numbers give. */
function cut(data: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (data.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => data.subarray(from, places[i] ?? data.length));
}

describe('frames from a client', () => {
  test('come out as they went in, wherever the stream is cut', () => {
    const frame = fc.record({
      opcode: fc.constantFrom(...Object.values(OPCODE)),
      payload: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fin: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 8 }), (sent, places) => {
        const { frames, broken } = read(cut(Buffer.concat(sent.map(frameBytes)), places));
        expect(broken).toEqual([]);
        expect(frames).toEqual(sent);
      }),
    );
  });

  test('of any bytes: nothing is thrown, nothing comes after the fault', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), (pieces) => {
        const { frames, broken } = read(pieces.map((bytes) => Buffer.from(bytes)));
        expect(broken.length).toBeLessThanOrEqual(1);
        expect(frames.length).toBeLessThanOrEqual(pieces.reduce((sum, bytes) => sum + bytes.length, 0));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['126 bytes', 126],
    ['the longest', PAYLOAD_LIMIT - 1],
  ])('%s', (_what, length) => {
    const { frames } = read([frameBytes({ opcode: OPCODE.TEXT, payload: 'x'.repeat(length) })]);
    expect(frames[0]?.payload.toString()).toBe('x'.repeat(length));
  });

  test('a length that is too great is refused before the payload comes', () => {
    const head = Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
    expect(read([head]).broken).toMatchObject([{ status: 1009 }]);
    expect(read([frameBytes({ opcode: 1, payload: 'x'.repeat(PAYLOAD_LIMIT) }).subarray(0, 8)]).broken).toHaveLength(1);
  });
});

describe('frames of the server', () => {
  test.each([
    [5, '8105'],
    [126, '817e007e'],
    [65_536, '817f0000000000010000'],
  ])('a text of %d bytes has the head %s', (length, head) => {
    expect(
      wsMessage('x'.repeat(length))
        .subarray(0, head.length / 2)
        .toString('hex'),
    ).toBe(head);
  });

  test('what is no UTF-8 goes as binary', () => {
    expect(wsMessage('caf\xe9')[0]).toBe(0x82);
    expect(wsMessage(Buffer.from('café'))[0]).toBe(0x81);
  });

  test('a close frame has its code first', () => {
    expect(wsCloseFrame({ status: 1000, reason: 'bye' })).toEqual(
      wsFrame(OPCODE.CLOSE, Buffer.from('\x03\xe8bye', 'latin1')),
    );
  });
});
