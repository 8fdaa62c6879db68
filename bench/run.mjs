// npm run bench NAME […]: runs bench/NAME.mjs.
import { existsSync, readdirSync } from 'node:fs';

const [name, ...rest] = process.argv.slice(2);
const file = new URL(`./${name}.mjs`, import.meta.url);
if (!name || !existsSync(file)) {
  const names = readdirSync(new URL('.', import.meta.url)).filter((f) => f.endsWith('.mjs') && f !== 'run.mjs');
  console.error(`usage: npm run bench NAME [options]; there are: ${names.map((f) => f.slice(0, -4)).join(', ')}`);
  process.exit(2);
}
process.argv.splice(2, process.argv.length, ...rest);
await import(file.href);
