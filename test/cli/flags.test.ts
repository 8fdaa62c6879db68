import { describe, expect, test } from 'vitest';
import { type KamailioFlags, parseFlags } from '../../src/cli/flags.js';
import { preloadOf } from '../../src/cli/with-flags.js';

function flags(...argv: string[]): KamailioFlags {
  const f = parseFlags(argv);
  if ('error' in f) throw new Error(f.error);
  return f;
}

describe('the flags of kamailio(8)', () => {
  test('letters may be joined, and an argument may follow at once', () => {
    expect(flags('-DDE', '-f/tmp/a.cfg')).toMatchObject({ foreground: 2, logToStderr: true, file: '/tmp/a.cfg' });
  });

  test('the runner of the conformance cases is understood', () => {
    const f = flags('-f', 'k.cfg', '-DD', '-E', '-Y', '/tmp', '-w', '/tmp', '-P', '/tmp/pid');
    expect(f).toMatchObject({ file: 'k.cfg', foreground: 2, runtimeDir: '/tmp', workDir: '/tmp', pidFile: '/tmp/pid' });
  });

  test('-A takes a name, or a name and a value', () => {
    expect([...flags('-A', 'WITH_AUTH', '-A', 'N="x=y"').defines]).toEqual([
      ['WITH_AUTH', undefined],
      ['N', '"x=y"'],
    ]);
  });

  const accepted =
    'a:yes b:1 c d e h f:x g:g G:x I K l:lo L:/x m:64 M:8 n:1 N:1 O:1 P:x Q:1 r R S t:/ T u:u v V x:fm X:fm Y:/ w:/ W:poll';
  for (const item of accepted.split(' ')) {
    const [letter, value] = item.split(':');
    test(`-${letter} is accepted`, () => {
      expect(parseFlags(value === undefined ? [`-${letter}`] : [`-${letter}`, value])).not.toHaveProperty('error');
    });
  }

  test('an unknown flag, a missing argument and a stray word are errors', () => {
    expect(parseFlags(['-z'])).toEqual({ error: "Unknown option '-z'. Use -h for help." });
    expect(parseFlags(['-f'])).toEqual({ error: "Option '-f' requires an argument." });
    expect(parseFlags(['x.cfg'])).toHaveProperty('error');
  });

  test('items of the command line become lines of script', () => {
    const f = flags(
      '--loadmodule=pv',
      '--modparam=pv:varset:s:a=i:1',
      '--modparam=tm:fr_timer:i:500',
      '-l',
      'udp:127.0.0.1:5080/1.2.3.4:5060',
      '--alias=a.example:5060',
    );
    expect(preloadOf(f)).toEqual([
      'loadmodule "pv"',
      'modparam("pv", "varset", "a=i:1")',
      'modparam("tm", "fr_timer", 500)',
      'alias=a.example:5060;',
      'listen=udp:127.0.0.1:5080 advertise 1.2.3.4:5060;',
    ]);
  });
});
