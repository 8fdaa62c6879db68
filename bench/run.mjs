// npm run bench [NAME …] [options]: dmq, nsq and growth are benches of their own, everything else is a row of kamailio.mjs.
const [name, ...rest] = process.argv.slice(2);
const own = ['dmq', 'nsq', 'growth', 'kamailio'].includes(name) ? name : 'kamailio';
if (own === name) process.argv.splice(2, process.argv.length, ...rest);
await import(`./${own}.mjs`);
