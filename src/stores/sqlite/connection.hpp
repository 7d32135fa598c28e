#pragma once

#include <sqlite3.h>

#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tidings/store/transaction.hpp"

namespace tidings::stores::sqlite {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A connection, and the statements that it has made ready. For one thread at a time.
class Connection {
 public:
  /// Errors: `unavailable`, `permission_denied`, `corrupt`.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, bool must_exist);

  /// What it says of its last call that failed.
  [[nodiscard]] Error error(int code, std::string_view sql = {}) const;

  Result<std::uint64_t> execute(std::string_view sql, std::span<const SqlView> parameters = {});
  Result<> query(std::string_view sql, std::span<const SqlView> parameters, tidings::detail::RowSink& rows);
  [[nodiscard]] sqlite3* handle() const { return database_.get(); }

 private:
  using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;
  /// Taken back, and ready again, when this goes.
  class Ready {
   public:
    explicit Ready(sqlite3_stmt* statement) : statement_(statement) {}
    ~Ready() {
      sqlite3_reset(statement_);
      sqlite3_clear_bindings(statement_);
    }
    Ready(const Ready&) = delete;
    Ready& operator=(const Ready&) = delete;

   private:
    sqlite3_stmt* statement_;
  };
  struct Kept {
    std::string sql;
    Statement statement;
  };

  Result<sqlite3_stmt*> ready(std::string_view sql);
  Result<> bind(sqlite3_stmt* statement, std::string_view sql, std::span<const SqlView> parameters);

  std::unique_ptr<sqlite3, CloseDatabase> database_;
  std::list<Kept> kept_;  // the last used first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_sql_;
};

}  // namespace tidings::stores::sqlite
