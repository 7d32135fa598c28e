#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/transaction.hpp"

namespace tidings {

/// A table of a read model.
struct ProjectionTable {
  std::string name;     ///< as readers say it, who see a view of what serves; `[a-z_][a-z0-9_]*`, 40 at most
  std::string columns;  ///< as in `create table`: `order_id text primary key, total bigint not null`
  std::vector<std::string> indexes{};  ///< what stands in the parentheses of each: `total, order_id`
};

struct ProjectionOptions {
  std::vector<ProjectionTable> tables{};
  std::uint32_t version = 1;  ///< raised with the tables, and with what is made of events: then it must be rebuilt
  /// Where Tidings' own tables are; those of the read model are in the same schema.
  outbox::Tables names{};
};

/// The tables of a projection while it writes, within a transaction. `{NAME}` in a statement is the table of that name:
/// several generations of it may be there. Otherwise as `Transaction`: for one thread, and good as long as that.
class ReadModel {
 public:
  ReadModel(Transaction& tx, const ProjectionOptions& options, std::int64_t generation)
      : tx_(&tx), options_(&options), generation_(generation) {}

  template <class... Args>
  Result<std::uint64_t> execute(std::string_view sql, const Args&... args) {
    return tx_->execute(with_tables(sql), args...);
  }
  template <class Row, class... Args>
  Result<std::vector<Row>> query(std::string_view sql, const Args&... args) {
    return tx_->query<Row>(with_tables(sql), args...);
  }
  template <class Row, class... Args>
  Result<std::optional<Row>> query_one(std::string_view sql, const Args&... args) {
    return tx_->query_one<Row>(with_tables(sql), args...);
  }

  /// A statement with the tables' names in it. A name in braces that is none of the projection's stays.
  [[nodiscard]] std::string with_tables(std::string_view sql) const;
  [[nodiscard]] Transaction& transaction() const { return *tx_; }
  [[nodiscard]] std::int64_t generation() const { return generation_; }

 private:
  Transaction* tx_;
  const ProjectionOptions* options_;
  std::int64_t generation_;
};

}  // namespace tidings
