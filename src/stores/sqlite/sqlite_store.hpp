#pragma once

#include <memory>
#include <string>

#include "stores/sqlite/connection.hpp"
#include "tidings/store/store.hpp"
#include "tidings/store/turns.hpp"

namespace tidings::stores::sqlite {

/// One file, one connection of this process, in WAL mode and with `synchronous=FULL`: what a commit says is durable.
/// See https://www.sqlite.org/wal.html and https://www.sqlite.org/pragma.html#pragma_synchronous.
class SqliteStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(std::string_view url, const StoreOptions& options);
  ~SqliteStore() override;

  [[nodiscard]] SqlDialect dialect() const override { return SqlDialect::sqlite; }
  Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override;
  Result<> close(Duration wait_max) override;

 private:
  class Open;
  SqliteStore(std::string path, const StoreOptions& options, bool is_read_only)
      : path_(std::move(path)), options_(options), is_read_only_(is_read_only) {}
  Result<> connect();
  [[nodiscard]] Result<> is_in_place() const;
  Result<> begin_immediate(SteadyTime until);
  Result<> begin_reading(SteadyTime until);

  const std::string path_;
  const StoreOptions options_;
  const bool is_read_only_;  // `?mode=ro`
  Turns turns_;
  std::unique_ptr<Connection> connection_;  // of who has the turn
  bool was_open_ = false;                   // the file is there, and is not to be made again
};

}  // namespace tidings::stores::sqlite
