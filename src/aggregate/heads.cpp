#include "aggregate/heads.hpp"

#include "tidings/base/text.hpp"

namespace tidings::aggregate {

Heads::Heads(const detail::Kind& kind, const outbox::Tables& tables, Clock& clock)
    : kind_(kind),
      clock_(&clock),
      read_("select version, state, state_at, state_version, state_shape from " + tables.name("aggregates") +
            " where type = $1 and id = $2"),
      insert_("insert into " + tables.name("aggregates") +
              "(type, id, version, state, state_at, state_version, state_shape, updated_at) values ($1, $2, $3, $4, "
              "$5, $6, $7, $8) on conflict do nothing"),
      update_("update " + tables.name("aggregates") +
              " set version = $4, state = $5, state_at = $6, state_version = $7, state_shape = $8, updated_at = $9 "
              "where type = $1 and id = $2 and version = $3"),
      update_version_("update " + tables.name("aggregates") +
                      " set version = $4, updated_at = $5 where type = $1 and id = $2 and version = $3"),
      remove_("delete from " + tables.name("aggregates") + " where type = $1 and id = $2 and version = $3") {}

Result<std::optional<Head>> Heads::read(Transaction& tx, std::string_view id) const {
  return tx.query_one<Head>(read_, kind_.name, id);
}

Result<> Heads::write(Transaction& tx, const detail::Saving& saving, const std::optional<std::string>& state) const {
  const auto state_at = state ? saving.becomes : 0;
  if (saving.was == 0) {
    const auto done = tx.execute(insert_, kind_.name, saving.id, saving.becomes, state, state_at, kind_.state_version,
                                 kind_.state_shape, now());
    if (!done) return done.error();
    return *done == 0 ? detail::exists(kind_.name, saving.id) : Result<>{};
  }
  const auto done = state ? tx.execute(update_, kind_.name, saving.id, saving.was, saving.becomes, state, state_at,
                                       kind_.state_version, kind_.state_shape, now())
                          : tx.execute(update_version_, kind_.name, saving.id, saving.was, saving.becomes, now());
  if (!done) return done.error();
  return *done == 0 ? detail::conflict(kind_.name, saving.id, saving.was) : Result<>{};
}

Result<> Heads::remove(Transaction& tx, std::string_view id, std::uint64_t version) const {
  const auto done = tx.execute(remove_, kind_.name, id, version);
  if (!done) return done.error();
  return *done == 0 ? detail::conflict(kind_.name, id, version) : Result<>{};
}

Result<> Heads::decode(const Head& head, void* state) const {
  return kind_.decode(state, {.type = kind_.name, .version = head.state_version, .payload = *head.state});
}

Error about(Error error, std::string_view kind, std::string_view id) {
  error.message.insert(0, "aggregate " + std::string(kind) + " '" + printable(id) + "': ");
  return error;
}

Result<> check_id(const detail::Kind& kind, std::string_view id, const void* state) {
  const auto own = kind.id(state);
  if (own == id) return {};
  return about({"corrupt", "its state says that it is '" + printable(own) +
                               "'; the first event's apply sets the id, and nothing changes it"},
               kind.name, id);
}

}  // namespace tidings::aggregate
