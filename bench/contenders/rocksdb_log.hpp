#pragma once

#include <rocksdb/db.h>

#include <memory>

#include "contenders/record.hpp"

namespace bench {

/// Keys in ascending order, with the write-ahead log; a batch an append. `sync` where synced, else a write goes to the
/// kernel, which survives the death of the process as well.
class RocksdbLog {
 public:
  static constexpr auto name = "rocksdb";

  RocksdbLog(const std::string& folder, const Storing& storing);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t read() const;

 private:
  std::unique_ptr<rocksdb::DB> database_;
  rocksdb::WriteOptions write_;
  Record record_;
};

}  // namespace bench
