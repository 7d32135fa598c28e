#include "aggregate/standing.hpp"

#include <algorithm>

namespace tidings::aggregate::detail {

namespace {

constexpr std::string_view who =
    "case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end";

/// In the order in which they are to be said: the owner first, since rights are given in his name.
std::string sayings_of() {
  const std::string of_it = " from pg_class c where c.oid = to_regclass($1::text)";
  const std::string columns =
      " from pg_class c join pg_attribute t on t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped";
  const std::string grantable = "case when a.is_grantable then ' with grant option' else '' end";
  return "select \"column\", statement from ("
         // One's own needs no saying, which takes rights that not everybody has.
         "select 1 as turn, '' as \"column\", format('alter table %s owner to %I', $2::text, "
         "pg_get_userbyid(c.relowner)) as "
         "statement" +
         of_it +
         " and pg_get_userbyid(c.relowner) <> current_user "
         "union all select 2, '', format('alter %s %s set (%s)', case c.relkind when 'v' then 'view' else 'table' end, "
         "$2::text, "
         "array_to_string(c.reloptions, ', '))" +
         of_it +
         " and c.reloptions is not null "
         "union all select 3, '', format('grant %s on %s to %s%s', a.privilege_type, $2::text, " +
         std::string(who) + ", " + grantable +
         ") from pg_class c, aclexplode(c.relacl) a where c.oid = to_regclass($1::text) "
         "union all select 3, t.attname::text, format('grant %s (%I) on %s to %s%s', a.privilege_type, t.attname, "
         "$2::text, " +
         std::string(who) + ", " + grantable + ")" + columns +
         ", aclexplode(t.attacl) a where c.oid = to_regclass($1::text) "
         "union all select 4, '', format('comment on %s %s is %L', case c.relkind when 'v' then 'view' else 'table' "
         "end, $2::text, obj_description(c.oid, 'pg_class'))" +
         of_it +
         " and obj_description(c.oid, 'pg_class') is not null "
         "union all select 4, t.attname::text, format('comment on column %s.%I is %L', $2::text, t.attname, "
         "col_description(c.oid, t.attnum))" +
         columns +
         " where c.oid = to_regclass($1::text) and col_description(c.oid, t.attnum) is not null) s order by turn";
}

}  // namespace

Result<Standing> Standing::of(Transaction& tx, const std::string& relation, const std::string& heir) {
  Standing made;
  made.heir_ = heir;
  const auto rights = tx.query_one<std::int64_t>(
      "select count(*) from pg_class where oid = to_regclass($1::text) and relacl is not null", relation);
  if (!rights) return rights.error();
  made.has_rights_ = rights->value_or(0) > 0;
  auto sayings = tx.query<Saying>(sayings_of(), relation, heir);
  if (!sayings) return sayings.error();
  made.sayings_ = std::move(*sayings);
  return made;
}

Result<> Standing::give(Transaction& tx) const {
  std::vector<std::string> statements;
  if (has_rights_) {
    auto by_default =
        tx.query<std::string>("select distinct 'revoke all on ' || $1::text || ' from ' || " + std::string(who) +
                                  " from pg_class c, aclexplode(c.relacl) a where c.oid = "
                                  "to_regclass($1::text)",
                              heir_);
    if (!by_default) return by_default.error();
    statements = std::move(*by_default);
  }
  const auto columns = tx.query<std::string>(
      "select attname::text from pg_attribute where attrelid = to_regclass($1::text) and attnum > 0 and not "
      "attisdropped",
      heir_);
  if (!columns) return columns.error();
  for (const auto& [column, statement] : sayings_)
    if (column.empty() || std::ranges::find(*columns, column) != columns->end()) statements.push_back(statement);
  for (const auto& statement : statements)
    if (auto done = tx.execute(statement); !done) return done.error();
  return {};
}

Result<std::string> options_of(Transaction& tx, const std::string& view) {
  const auto found = tx.query_one<std::string>(
      "select array_to_string(reloptions, ', ') from pg_class where oid = to_regclass($1::text) and reloptions is not "
      "null",
      view);
  if (!found) return found.error();
  return *found ? " with (" + **found + ")" : "";
}

Result<bool> begins_with_columns(Transaction& tx, const std::string& table, const std::string& view) {
  struct Found {
    std::int64_t columns = 0;
    std::int64_t others = 0;
  };
  const auto found = tx.query_one<Found>(
      "select count(*) as columns, count(*) filter (where n.attname is distinct from o.attname or n.atttypid is "
      "distinct from o.atttypid or n.atttypmod is distinct from o.atttypmod or n.attcollation is distinct from "
      "o.attcollation) as others from pg_attribute o left join pg_attribute n on n.attrelid = to_regclass($1::text) "
      "and n.attnum = o.attnum where o.attrelid = to_regclass($2::text) and o.attnum > 0 and not o.attisdropped",
      table, view);
  if (!found) return found.error();
  return *found && (*found)->columns > 0 && (*found)->others == 0;
}

}  // namespace tidings::aggregate::detail
