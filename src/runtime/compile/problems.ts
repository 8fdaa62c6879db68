/** Problems that only the compiler can see; texts are Kamailio's where it has one (language.md, section 1). */
import { problemsOf } from '../../parser/problem.js';

export const COMPILE_PROBLEMS = {
  'unknown-module': { severity: 'error', text: 'failed to load module "{name}"' },
  'module-loaded-twice': {
    severity: 'error',
    text: 'failed to load module "{name}": attempt to load the same module twice',
  },
  'module-needs': { severity: 'error', text: 'module {name} needs module {needs}', phase: 'init' },
  'no-module-for-parameter': {
    severity: 'error',
    text: "Can't set module parameter: no module matching <{name}> found",
  },
  'unknown-parameter': {
    severity: 'error',
    text: "Can't set module parameter: parameter <{param}> not found in module <{name}>",
  },
  'parameter-type': {
    severity: 'error',
    text: "Can't set module parameter: parameter <{param}> of module <{name}> is of type {want}, not {got}",
  },
  'parameter-value': { severity: 'error', text: "Can't set module parameter: {name}.{param}: {why}" },
  'module-check': { severity: 'error', text: 'module {name}: {why}', phase: 'init' },
  'unknown-function': { severity: 'error', text: 'unknown command {name}, missing loadmodule?' },
  'argument-count': { severity: 'error', text: 'unknown command {name} with {count} argument(s), missing loadmodule?' },
  'too-many-arguments': { severity: 'error', text: 'Too many arguments: {name} has {count}, at most 6 are possible' },
  'wrong-block': { severity: 'error', text: 'Command cannot be used in the block: {name}' },
  'not-built': { severity: 'error', text: '{name} of module {module} is not built in kamscript yet' },
  'argument-not-constant': { severity: 'error', text: 'function {name}: parameter {index} is not constant' },
  'argument-nested-call': { severity: 'error', text: 'use of function execution inside params not allowed' },
  'bad-argument': { severity: 'error', text: 'function {name}: parameter {index}: {why}', phase: 'fixup' },
  'bad-call': { severity: 'error', text: 'function {name}: {why}', phase: 'fixup' },
  'unknown-variable': { severity: 'error', text: '{text}' },
  'no-shared-memory': { severity: 'error', text: "Can't get from cache: {name}: there is no shared memory yet" },
  'unknown-select': { severity: 'error', text: 'unknown select {name}: {why}' },
  'read-only-target': { severity: 'error', text: 'read only pvar in assignment left side' },
  'target-with-transformation': { severity: 'error', text: 'pvar with transformations in assignment left side' },
  'select-target': { severity: 'error', text: 'select in assignment left side' },
  'type-mismatch': {
    severity: 'error',
    text: 'bad expression: type mismatch: {got} instead of {want} at ({line},{column})',
  },
  'bad-regex': { severity: 'error', text: 'Bad regular expression "{text}": {why}', phase: 'fixup' },
  'unknown-route': { severity: 'error', text: 'route "{name}" not found at {file}:{line}', phase: 'fixup' },
  'string-condition': { severity: 'error', text: 'while condition is a string', phase: 'fixup' },
  'string-return': { severity: 'error', text: 'return, exit and drop take an int, not a string', phase: 'fixup' },
  'constant-condition': { severity: 'warning', text: 'constant value in if(...)' },
  'duplicate-case': { severity: 'error', text: 'bad switch(): duplicate "case" label', phase: 'fixup' },
  'default-only': { severity: 'error', text: 'bad switch(): only a "default:" label', phase: 'fixup' },
  'default-before-strings': {
    severity: 'error',
    text: 'bad switch(): "default:" before the first string label makes it an int switch',
    phase: 'fixup',
  },
  'case-not-constant': { severity: 'error', text: 'constant expected' },
  'core-param-not-built': {
    severity: 'error',
    text: '{name}={value} is not built in kamscript: {why}; leave the line out',
    phase: 'init',
  },
  'log-prefix': { severity: 'warning', text: 'log_prefix cannot be read and is left out: {why}', phase: 'init' },
  'core-statement': { severity: 'error', text: '{name}: {why}' },
  'core-operand': { severity: 'error', text: '{name}: {why}' },
  'onsend-command': { severity: 'error', text: 'command not allowed in onsend_route: {name}' },
  'event-route-silenced': {
    severity: 'warning',
    text: 'event_route[{name}] never runs: {param} of {module} names a KEMI function instead, and there is no KEMI engine',
  },
  'no-request-route': { severity: 'warning', text: 'the script has no request_route: requests will be dropped' },
} as const satisfies Parameters<typeof problemsOf>[0];

export const problem = problemsOf(COMPILE_PROBLEMS);
