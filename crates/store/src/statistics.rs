//! PostgreSQL's statistics of tables that were just filled.
//!
//! Its planner takes a table that was never analysed for nearly empty and joins two such tables row by row: the first fetch of a large
//! directory would end in statement timeouts until the server's own round comes by, a minute later. So whoever fills tables asks here
//! afterwards; a table is analysed when it has more than doubled, which is a handful of times in a fetch. SQLite needs none of it.

use crate::Store;
use crate::row::get;
use crate::sql::{all, execute, is_postgres};
use linkyard_core::Result;

/// Tables that grew far beyond what the planner knows of them. A few pages are read as fast without.
const OUTGROWN: &str = "select c.relname::text as name from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
        and c.relname in ('directory_record', 'directory_association', 'mapping', 'suggestion', 'walk_seen', 'party', 'project',
            'association', 'match_key', 'coverage', 'insurance', 'directory_person', 'contact')
        and pg_relation_size(c.oid) / current_setting('block_size')::bigint > 2 * greatest(c.relpages, 0) + 8
    order by c.relname";

/// Brings the planner's knowledge up to date where it is far behind. Outside of any transaction, and best effort: what was stored is
/// stored, and the server's own round mends it later.
pub(crate) async fn refresh(store: &Store) {
    if !is_postgres(&store.writer) {
        return;
    }
    if let Err(error) = analyse(store).await {
        tracing::debug!(%error, "statistics were not refreshed");
    }
}

async fn analyse(store: &Store) -> Result<()> {
    for row in all(&store.writer, OUTGROWN, []).await? {
        let name: String = get(&row, "name")?;
        execute(&store.writer, &format!("analyze {name}"), []).await?;
    }
    Ok(())
}
