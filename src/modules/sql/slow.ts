/** latency_limit_db: statements that take long are told to the log. */
import { coreOf } from '../../runtime/core/facts.js';
import type { Host } from '../../runtime/module.js';
import type { SqlClient } from './database.js';

/** Characters of a statement that are shown. */
const SHOWN = 100;

export function watchSlow(host: Host, client: SqlClient): SqlClient {
  return {
    async run(statement) {
      const { latencyLimitDb: limit, latencyLog: level } = coreOf(host.program);
      if (limit <= 0 || level > host.log.level) return await client.run(statement);
      const begin = host.clock.micros();
      const answer = await client.run(statement);
      const took = host.clock.micros() - begin;
      if (took >= limit) {
        const text = statement.sql.slice(0, SHOWN);
        host.log.write(level, '<core>', `alert - query execution too long [${took} us] for [${text}]\n`);
      }
      return answer;
    },
    runAll: (statements) => client.runAll(statements),
    close: () => client.close(),
  };
}
