#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidings/store/transaction.hpp"

namespace tidings::aggregate::detail {

/// What people have said of a table or view of PostgreSQL's beside what is in it: whose it is, who may do what with it
/// and its columns, its options, and what it is described with.
class Standing {
 public:
  /// Of `relation`, to be said of `heir`; both as statements name them. Of one that is not there nothing.
  static Result<Standing> of(Transaction& tx, const std::string& relation, const std::string& heir);
  /// Says it of the heir: who could do more with that, by what the database gives by default, can no longer. Of columns
  /// only of those that it has.
  [[nodiscard]] Result<> give(Transaction& tx) const;

 private:
  struct Saying {
    std::string column;  ///< of that alone; empty: of the whole
    std::string statement;
  };
  std::string heir_;
  bool has_rights_ = false;  // else those that its owner has by default
  std::vector<Saying> sayings_;
};

/// The options of a view, as they stand behind its name when it is made: ` with (security_barrier=true)`, or nothing.
Result<std::string> options_of(Transaction& tx, const std::string& view);

/// Whether the columns of `view` are the first ones of `table`, by name, type and place, so that one may stand for the
/// other.
Result<bool> begins_with_columns(Transaction& tx, const std::string& table, const std::string& view);

}  // namespace tidings::aggregate::detail
