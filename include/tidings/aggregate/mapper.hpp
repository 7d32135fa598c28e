#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "tidings/aggregate/detail/keeper.hpp"

namespace tidings {

/// From the version that a row must be of to the one that it becomes.
struct VersionStep {
  std::uint64_t was = 0;
  std::uint64_t becomes = 0;
};

/// A program's own tables for the state of an aggregate. Each function gives how many rows it wrote: 1, or 0 where the
/// row is not of the version that it was to be of, which is how a change that came in between is noticed.
///
///     tidings::StateMapper<OrderState> orders{
///         .load = [](tidings::Transaction& tx, std::string_view id) { … "select … where id = $1" … },
///         .insert = [](auto& tx, const OrderState& order, std::uint64_t version) {
///           return tx.execute("insert into orders(id, status, version) values ($1, $2, $3) on conflict do nothing",
///                             order.id, to_text(order.status), version);
///         },
///         .update = [](auto& tx, const OrderState& order, tidings::VersionStep version) {
///           return tx.execute("update orders set status = $2, version = $4 where id = $1 and version = $3", order.id,
///                             to_text(order.status), version.was, version.becomes);
///         },
///         .remove = …};
///
/// They neither commit nor roll back, and several threads may call them at once, each with a transaction of its own.
/// `check_mapper` tries whether they do what they must.
template <class State>
struct StateMapper {
  struct Loaded {
    State state;
    std::uint64_t version = 0;
  };
  std::function<Result<std::optional<Loaded>>(Transaction& tx, std::string_view id)> load;
  /// 0 rows where there is one of that id: `on conflict do nothing`.
  std::function<Result<std::uint64_t>(Transaction& tx, const State& state, std::uint64_t version)> insert;
  std::function<Result<std::uint64_t>(Transaction& tx, const State& state, VersionStep version)> update;
  std::function<Result<std::uint64_t>(Transaction& tx, std::string_view id, std::uint64_t version)> remove;
};

namespace aggregate::detail {

/// `rows` is what a statement wrote; 0 is `none`.
[[nodiscard]] Result<> one_row(const Result<std::uint64_t>& rows, std::string_view kind, std::string_view id,
                               Error none);
[[nodiscard]] Error no_function(std::string_view kind, std::string_view what);
/// An error where the mapper did not do the step as it must.
[[nodiscard]] Result<> expect_rows(std::string_view step, const Result<std::uint64_t>& rows, std::uint64_t wanted);
[[nodiscard]] Result<> expect_version(std::string_view step, std::uint64_t found, std::uint64_t wanted);

template <class State>
class Mapped final : public Keeper {
 public:
  Mapped(Kind kind, StateMapper<State> mapper) : kind_(std::move(kind)), mapper_(std::move(mapper)) {}

  Result<std::optional<std::uint64_t>> load(Transaction& tx, std::string_view id, void* state) const override {
    if (!mapper_.load) return no_function(kind_.name, "load");
    auto loaded = mapper_.load(tx, id);
    if (!loaded) return loaded.error();
    if (!*loaded) return std::optional<std::uint64_t>{};
    *static_cast<State*>(state) = std::move((*loaded)->state);
    if (kind_.id(state) != id || (*loaded)->version == 0)
      return Error{"wrong_mapper", "the load of aggregate " + kind_.name +
                                       " gave one of another id, or of version 0, which none has that was saved"};
    return std::optional((*loaded)->version);
  }
  Result<> save(Transaction& tx, const Saving& saving) const override {
    const auto& state = *static_cast<const State*>(saving.state);
    if (saving.was == 0)
      return !mapper_.insert ? Result<>(no_function(kind_.name, "insert"))
                             : one_row(mapper_.insert(tx, state, saving.becomes), kind_.name, saving.id,
                                       exists(kind_.name, saving.id));
    return !mapper_.update ? Result<>(no_function(kind_.name, "update"))
                           : one_row(mapper_.update(tx, state, {saving.was, saving.becomes}), kind_.name, saving.id,
                                     conflict(kind_.name, saving.id, saving.was));
  }
  Result<> remove(Transaction& tx, std::string_view id, std::uint64_t version) const override {
    return !mapper_.remove
               ? Result<>(no_function(kind_.name, "remove"))
               : one_row(mapper_.remove(tx, id, version), kind_.name, id, conflict(kind_.name, id, version));
  }

 private:
  Kind kind_;
  StateMapper<State> mapper_;
};

}  // namespace aggregate::detail

/// Tries a mapper with `state`, of whose id there is none yet: that it gives what it was given, and refuses what is of
/// another version. For tests; the transaction is to be rolled back. Errors: `wrong_mapper` (never), which says what it
/// did not do, and the mapper's own.
template <class State>
Result<> check_mapper(Transaction& tx, const StateMapper<State>& mapper, const State& state) {
  namespace d = aggregate::detail;
  const auto id = detail::key_text(state.id);
  const auto version = [&](std::string_view step, std::uint64_t wanted) -> Result<> {
    auto loaded = mapper.load(tx, id);
    if (!loaded) return loaded.error();
    return d::expect_version(step, *loaded ? (*loaded)->version : 0, wanted);
  };
  if (auto fine = version("before the insert", 0); !fine) return fine;
  if (auto fine = d::expect_rows("insert", mapper.insert(tx, state, 1), 1); !fine) return fine;
  if (auto fine = version("after the insert", 1); !fine) return fine;
  if (auto fine = d::expect_rows("insert of one that is there", mapper.insert(tx, state, 1), 0); !fine) return fine;
  if (auto fine = d::expect_rows("update of another version", mapper.update(tx, state, {7, 8}), 0); !fine) return fine;
  if (auto fine = d::expect_rows("update", mapper.update(tx, state, {1, 3}), 1); !fine) return fine;
  if (auto fine = version("after the update", 3); !fine) return fine;
  if (auto fine = d::expect_rows("remove of another version", mapper.remove(tx, id, 1), 0); !fine) return fine;
  if (auto fine = d::expect_rows("remove", mapper.remove(tx, id, 3), 1); !fine) return fine;
  return version("after the remove", 0);
}

}  // namespace tidings
