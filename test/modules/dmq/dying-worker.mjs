// A thread of the pool that ends when it is told so: `die` always, `die once` the first time.
let jobs = 0;

export function work({ port }) {
  return new Promise((resolve) => {
    port.postMessage({ kind: 'ready' });
    port.on('message', (message) => {
      if (message.kind === 'stop') {
        port.close();
        resolve();
        return;
      }
      for (const { id, body } of message.list) {
        jobs++;
        if (body === 'die' || (body === 'die once' && jobs > 1)) process.exit(1);
        port.postMessage({ kind: 'done', list: [{ id, plan: { kind: 'list', nodes: [], bad: 0 }, more: false }] });
      }
    });
  });
}
