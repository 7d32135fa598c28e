#include <array>

#include "aggregate/heads.hpp"
#include "tidings/base/text.hpp"

namespace tidings::aggregate::detail {

namespace {

/// Applies events as they come from the database, and sees to it that none is missing.
class Replay final : public tidings::detail::RowSink {
 public:
  Replay(const Kind& kind, std::string_view id, void* state, std::uint64_t from)
      : kind_(kind), id_(id), state_(state), at_(from) {}

  Result<> columns(std::span<const std::string>) override { return {}; }
  Result<> row(std::span<const SqlView> cells) override {
    const auto* const version = std::get_if<std::int64_t>(&cells[0]);
    const auto* const message_id = std::get_if<std::string_view>(&cells[1]);
    const auto* const type = std::get_if<std::string_view>(&cells[2]);
    const auto* const type_version = std::get_if<std::int64_t>(&cells[3]);
    const auto* const time = std::get_if<std::int64_t>(&cells[4]);
    const auto* const data = std::get_if<std::string_view>(&cells[5]);
    if (version == nullptr || message_id == nullptr || type == nullptr || type_version == nullptr || time == nullptr ||
        data == nullptr)
      return wrong("corrupt", "a row of its events has columns of other types");
    if (*version != static_cast<std::int64_t>(at_ + 1)) return missing();
    const EnvelopeView event{.id = *message_id,
                             .type = *type,
                             .key = id_,
                             .time = TimePoint{Duration{*time}},
                             .version = static_cast<std::uint32_t>(*type_version),
                             .payload = *data};
    const auto applied = kind_.apply(state_, event);
    if (!applied) return wrong(applied.error().code, what() + ": " + applied.error().message);
    if (!*applied)
      return wrong("unknown_event", what() + " is a " + printable(*type) +
                                        ", which is none of the events of the class; name it there: what it once had "
                                        "is needed for ever, older versions by an upcast");
    ++at_;
    return {};
  }

  /// Whether all came, up to `version`.
  [[nodiscard]] Result<> finished(std::uint64_t version) const { return at_ == version ? Result<>{} : missing(); }

 private:
  [[nodiscard]] std::string what() const { return "its event number " + std::to_string(at_ + 1); }
  [[nodiscard]] Error missing() const { return wrong("corrupt", what() + " is missing"); }
  [[nodiscard]] Error wrong(std::string_view code, std::string message) const {
    return about({std::string(code), std::move(message)}, kind_.name, id_);
  }

  const Kind& kind_;
  std::string_view id_;
  void* state_;
  std::uint64_t at_;
};

/// Aggregates that are kept by their events.
class Events final : public Keeper {
 public:
  Events(Kind kind, const outbox::Tables& tables, Clock& clock, std::uint32_t snapshot_every)
      : heads_(kind, tables, clock),
        kind_(std::move(kind)),
        snapshot_every_(snapshot_every),
        read_("select version, message_id, event_type, event_version, event_time, data from " +
              tables.name("aggregate_events") +
              " where type = $1 and id = $2 and version > $3 and version <= $4 order by version"),
        insert_("insert into " + tables.name("aggregate_events") +
                "(type, id, version, message_id, event_type, event_version, event_time, source, correlation_id, "
                "causation_id, trace_parent, data) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"),
        remove_("delete from " + tables.name("aggregate_events") + " where type = $1 and id = $2") {}

  Result<std::optional<std::uint64_t>> load(Transaction& tx, std::string_view id, void* state) const override {
    const auto head = heads_.read(tx, id);
    if (!head) return head.error();
    if (!*head) return std::optional<std::uint64_t>{};
    const auto version = static_cast<std::uint64_t>((*head)->version);
    const auto from = restore(**head, state);
    Replay replay(kind_, id, state, from);
    // Where others commit while this reads, no further than the row that was read.
    const std::array<SqlView, 4> parameters{std::string_view(kind_.name), id, static_cast<std::int64_t>(from),
                                            (*head)->version};
    if (auto read = tx.query_views(read_, parameters, replay); !read) return read.error();
    if (auto fine = replay.finished(version); !fine) return fine.error();
    if (auto fine = check_id(kind_, id, state); !fine) return fine.error();
    return std::optional(version);
  }

  Result<> save(Transaction& tx, const Saving& saving) const override {
    std::optional<std::string> snapshot;
    if (snapshot_every_ != 0 && saving.becomes / snapshot_every_ > saving.was / snapshot_every_)
      if (auto written = kind_.encode(saving.state, snapshot.emplace()); !written)
        return about(std::move(written).error(), kind_.name, saving.id);
    if (auto written = heads_.write(tx, saving, snapshot); !written) return written;
    auto version = saving.was;
    for (const auto& event : saving.events) {
      const auto done = tx.execute(insert_, kind_.name, saving.id, ++version, event.id, event.type, event.version,
                                   event.time.time_since_epoch().count(), event.source, event.correlation_id,
                                   event.causation_id, event.trace_parent, event.payload);
      if (!done) return done.error();
    }
    return {};
  }

  Result<> remove(Transaction& tx, std::string_view id, std::uint64_t version) const override {
    if (auto gone = heads_.remove(tx, id, version); !gone) return gone;
    const auto done = tx.execute(remove_, kind_.name, id);
    return done ? Result<>{} : done.error();
  }

 private:
  /// The snapshot, where there is one of the state as this program knows it. What it tells is in the events too, so
  /// that one of another shape, or one that cannot be read, is left alone. How many events are in it.
  std::uint64_t restore(const Head& head, void* state) const {
    if (!head.state || head.state_version != kind_.state_version || head.state_shape != kind_.state_shape) return 0;
    return heads_.decode(head, state) ? static_cast<std::uint64_t>(head.state_at) : 0;
  }

  Heads heads_;
  Kind kind_;
  std::uint32_t snapshot_every_;
  std::string read_;
  std::string insert_;
  std::string remove_;
};

}  // namespace

std::shared_ptr<const Keeper> keep_events(Kind kind, const outbox::Tables& tables, Clock& clock,
                                          std::uint32_t snapshot_every) {
  return std::make_shared<Events>(std::move(kind), tables, clock, snapshot_every);
}

}  // namespace tidings::aggregate::detail
