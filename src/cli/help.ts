/** Texts of -h and -v. */
import { readFileSync } from 'node:fs';
import { distFile } from '../runtime/worker-file.js';

const VERSION = (JSON.parse(readFileSync(distFile('../package.json'), 'utf8')) as { version: string }).version;

export { VERSION };

/** First line as kamailio prints it, so that tools that read it find the version whose language this is. */
export const VERSION_TEXT = `version: kamailio 5.6.3 (kamscript ${VERSION} on Node.js ${process.version})\n`;

export const HELP = `${VERSION_TEXT}Usage: kamscript VERB [arguments]      kamscript help VERB tells more
       kamscript [options]             the command line of kamailio(8)

Verbs:
    run FILE         run a script in the foreground, log to the terminal
    check FILE...    check scripts: every error with its place and a way out
    fmt FILE...      format scripts in place; --check only tells
    test [PATH...]   run the tests of scripts: files *.test.js
    graph FILE       draw which block leads to which: Mermaid, DOT
    eval TEXT        print what a variable gives for a message
    send URI         send a SIP request and print the answer
    explain FILE     show which event route an NSQ event runs, and why

Options of its own:
    --admin=[addr:]port  serve /healthz, /readyz and /metrics over HTTP

Options of kamailio(8):
    -f file          configuration file (default: /etc/kamailio/kamailio.cfg)
    -c               check the configuration file and exit
    -A define        preprocessor define: -A NAME or -A NAME=VALUE
    --subst=exp --substdef=exp --substdefs=exp   preprocessor directives
    --loadmodule=name --modparam=module:name:{s|i}:value
    -l address       listen on [proto:]address[:port][/advertised]; may be repeated
    --alias=val      alias [proto:]name[:port]
    -a mode          automatic aliases: yes or no
    -D               -D, -DD: stay in the foreground; without it the server goes into the background
    -E -e            log to stderr; with colours
    -d --debug=val   raise or set the log level
    -P file -G file  write the process id
    -w dir -Y dir    working directory, run-time directory
    -T               no TCP
    -v -V --version -h --help -I
  Accepted, without a meaning here: -b -g -K -L -m -M -n -N -O -Q -r -R -S -t -u -W -x -X --atexit --log-engine
`;
