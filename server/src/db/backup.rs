//! What a backup must know of the database.

use super::Result;
use sqlx::PgPool;

/// Takes everything out in the transaction that puts the backup in. The schema itself stays: before PostgreSQL 15 it belongs to a superuser, and
/// what belongs to an extension stays with it.
pub const CLEAR: &[u8] = b"SET client_min_messages = warning;
DO $clear$
DECLARE thing record;
BEGIN
    FOR thing IN
        SELECT format('DROP %s IF EXISTS %s CASCADE',
                      CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                      c.oid::regclass) AS drop, 1 AS turn
        FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT relispartition
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('i', 'a')))
        UNION ALL
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure), 2
        FROM pg_proc p
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        UNION ALL
        SELECT format('DROP %s IF EXISTS %s CASCADE', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, t.oid::regtype), 3
        FROM pg_type t
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
        ORDER BY turn
    LOOP
        EXECUTE thing.drop;
    END LOOP;
END
$clear$;
";

/// Whether nobody has put anything into it.
///
/// # Errors
/// When the database fails.
pub async fn is_empty(db: &PgPool) -> Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS "empty!""#
    )
    .fetch_one(db)
    .await
}

/// What the user of the database lacks to put a backup into it.
///
/// # Errors
/// When the database fails.
pub async fn rights(db: &PgPool) -> Result<Rights> {
    sqlx::query_as!(
        Rights,
        r#"SELECT current_user::text AS "user!", current_database()::text AS "database!",
                  has_schema_privilege('public', 'CREATE') AS "creates!",
                  (SELECT format('%s belongs to %s', c.oid::regclass, pg_get_userbyid(c.relowner)) FROM pg_class c
                   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
                     AND NOT pg_has_role(c.relowner, 'USAGE')
                     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
                   ORDER BY c.oid LIMIT 1) AS foreign_table"#
    )
    .fetch_one(db)
    .await
}

/// What a user of the database may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Its name.
    pub user: String,
    /// The database.
    pub database: String,
    /// Whether it may make tables.
    pub creates: bool,
    /// A table that it may not take out, with its owner.
    pub foreign_table: Option<String>,
}

impl Rights {
    /// What is missing, and how it is given; `None`: nothing.
    pub fn missing(&self) -> Option<String> {
        let Self { user, database, creates, foreign_table } = self;
        if !creates {
            return Some(format!(
                "the database user {user} may not make tables in the schema public of {database}; as a superuser there: GRANT CREATE, USAGE ON SCHEMA public TO \"{user}\""
            ));
        }
        foreign_table.as_ref().map(|table| {
            format!(
                "the database user {user} may not replace what is in {database}: {table}; as a superuser there, let everything belong to {user}, or drop it"
            )
        })
    }
}

/// How many servers use it at the moment, this program not among them.
///
/// # Errors
/// When the database fails.
pub async fn servers(db: &PgPool) -> Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'flextraff-server' AND pid <> pg_backend_pid()"#
    )
    .fetch_one(db)
    .await
}

/// What a restore over this database would need locks for, and how many PostgreSQL has room for.
///
/// # Errors
/// When the database fails.
pub async fn locks(db: &PgPool) -> Result<Locks> {
    sqlx::query_as!(
        Locks,
        r#"SELECT (SELECT count(*) + 2 * count(*) FILTER (WHERE reltoastrelid <> 0)
                   FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS "relations!",
                  current_setting('max_locks_per_transaction')::bigint AS "each!",
                  current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint AS "connections!""#
    )
    .fetch_one(db)
    .await
}

/// How much room there is for locks.
#[derive(Clone, Copy, Debug)]
pub struct Locks {
    /// Tables, indexes and sequences, and what large values lie in.
    pub relations: i64,
    /// `max_locks_per_transaction`.
    pub each: i64,
    /// For which it counts.
    pub connections: i64,
}

impl Locks {
    /// What `max_locks_per_transaction` should be for a restore over this database, which takes all of it out and puts all of it in in one
    /// transaction; `None`: there is room.
    pub fn wanted(self) -> Option<i64> {
        let needed = 2 * self.relations;
        (needed > self.each * self.connections).then(|| {
            let each = needed / self.connections.max(1) + 1;
            // With room for what others hold meanwhile.
            u64::try_from(each * 2).unwrap_or_default().next_power_of_two().cast_signed()
        })
    }
}

/// The last step of the schema that was taken, and the version of PostgreSQL.
///
/// # Errors
/// When the database fails, or never was the server's.
pub async fn versions(db: &PgPool) -> Result<(i64, String)> {
    let step: i64 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
            .fetch_one(db)
            .await?;
    let postgres = sqlx::query_scalar!(r#"SELECT current_setting('server_version') AS "version!""#)
        .fetch_one(db)
        .await?;
    Ok((step, postgres))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_needs_a_lock_for_each_relation_twice() {
        let wanted = |relations| Locks { relations, each: 64, connections: 100 }.wanted();
        assert_eq!((wanted(200), wanted(3200)), (None, None));
        // Of two years, seven relations a day.
        assert_eq!(wanted(5300), Some(256));
    }
}
