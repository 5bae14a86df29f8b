# The database that sqlx checks queries against while compiling. Source after common.sh.
# shellcheck shell=bash disable=SC2154

# private_psql ARGUMENT…: psql on the database of scripts/with-services, its password in no argument list.
private_psql() {
  local url=${DATABASE_URL#*://}
  local account=${url%%@*} place=${url#*@}
  local server=${place%%/*}
  PGPASSWORD=${account#*:} psql -qX -v ON_ERROR_STOP=1 -U "${account%%:*}" -h "${server%:*}" -p "${server##*:}" \
    -d "${place#*/}" "$@"
}

# Brings the schema of server/migrations into an empty database, in the order of the files. The server's own
# bookkeeping table is left out: this database is for the compiler, not for the server.
migrate() {
  local file
  if [ "$(private_psql -Atc "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" -gt 0 ]; then return; fi
  for file in "$root"/server/migrations/*.sql; do
    [[ -e $file && $file != *.down.sql ]] || continue
    if head -n 1 "$file" | grep -q '^-- no-transaction'; then
      private_psql -f "$file"
    else
      private_psql -1 -f "$file"
    fi >/dev/null || die "migration failed: ${file#"$root/"}"
  done
}
