#include "aggregate/heads.hpp"

namespace tidings::aggregate::detail {

namespace {

/// Aggregates that are kept by their state alone.
class States final : public Keeper {
 public:
  States(Kind kind, const outbox::Tables& tables, Clock& clock) : heads_(kind, tables, clock), kind_(std::move(kind)) {}

  Result<std::optional<std::uint64_t>> load(Transaction& tx, std::string_view id, void* state) const override {
    const auto head = heads_.read(tx, id);
    if (!head) return head.error();
    if (!*head) return std::optional<std::uint64_t>{};
    // A snapshot is older than what has happened since: taken for the state, it would lose that.
    if (!(*head)->state || (*head)->state_at != (*head)->version)
      return about({"kept_by_events",
                    "its row has no state, or one that is older than its last event, since it was kept by its events; "
                    "go on with event_sourced"},
                   kind_.name, id);
    if (auto read = heads_.decode(**head, state); !read) return about(std::move(read).error(), kind_.name, id);
    if (auto fine = check_id(kind_, id, state); !fine) return fine.error();
    return std::optional(static_cast<std::uint64_t>((*head)->version));
  }

  Result<> save(Transaction& tx, const Saving& saving) const override {
    std::string json;
    if (auto written = kind_.encode(saving.state, json); !written)
      return about(std::move(written).error(), kind_.name, saving.id);
    return heads_.write(tx, saving, std::move(json));
  }

  Result<> remove(Transaction& tx, std::string_view id, std::uint64_t version) const override {
    return heads_.remove(tx, id, version);
  }

 private:
  Heads heads_;
  Kind kind_;
};

}  // namespace

std::shared_ptr<const Keeper> keep_states(Kind kind, const outbox::Tables& tables, Clock& clock) {
  return std::make_shared<States>(std::move(kind), tables, clock);
}

}  // namespace tidings::aggregate::detail
