#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "saga/ledger.hpp"

namespace tidings::saga {

/// What the events and timers of one transaction make of sagas of one name, gathered: each instance is read once,
/// before anything is done, and written once, at the end, however many transitions it has made between.
class UnitOfWork {
 public:
  /// They outlive it. `sealer` may be null.
  UnitOfWork(Transaction& tx, const Ledger& ledger, const std::string& type, const Sealer* sealer)
      : tx_(tx), ledger_(ledger), type_(type), sealer_(sealer) {}

  /// Reads and locks those instances, in the order of their ids: whoever locks several does so, and nobody waits for
  /// somebody who waits for him. Errors: those of statements.
  Result<> load(std::vector<std::string> ids);
  /// As the last transition left it; null: there is none, or nobody has loaded it. Error `corrupt` (never): its row
  /// cannot be read, which is no other's trouble.
  [[nodiscard]] Result<const Instance*> find(std::string_view id) const;

  /// Takes a transition of what `find` gave. Where it is refused nothing has changed; errors: those of events that the
  /// outbox does not take.
  Result<> apply(Transition made);

  /// All of it, into the transaction: instances, history, timers, and what is sent. Errors: `conflict` (same call, in
  /// another transaction: somebody else has begun one of them), those of statements.
  Result<> write();

  /// What it sends, in the order in which it came to be.
  [[nodiscard]] const std::vector<Outgoing>& outgoing() const { return outgoing_; }
  /// Of those that need a person, one line each, for the log once this is committed.
  [[nodiscard]] const std::vector<std::string>& alerts() const { return alerts_; }
  /// When the first of the timers that were set is due.
  [[nodiscard]] const std::optional<TimePoint>& first_due() const { return first_due_; }

 private:
  struct Entry {
    std::optional<Instance> now;
    std::optional<Error> unreadable;
    Changes changes;  // none: `changes.notes` is empty
  };
  Transaction& tx_;
  const Ledger& ledger_;
  const std::string& type_;
  const Sealer* const sealer_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Outgoing> outgoing_;
  std::vector<std::string> alerts_;
  std::optional<TimePoint> first_due_;
};

}  // namespace tidings::saga
