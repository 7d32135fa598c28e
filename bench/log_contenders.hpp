#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "log/log_directory.hpp"

struct sqlite3;
struct sqlite3_stmt;

// Logs of records of 128 bytes, each with its number in it. All are used in the same way:
//   append(numbers…)   adds so many records, the first with the number `first`; with their durability when it returns
//   count()            what is there
//   read()             all of it, checked as the contender checks: the sum of the numbers
namespace bench {

inline constexpr std::size_t record_bytes = 128;
enum class Synced { no, yes };

/// One partition of the embedded log, as brokers use it.
class TidingsLog {
 public:
  TidingsLog(const std::string& folder, Synced synced);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t read() const;

 private:
  std::unique_ptr<tidings::log::LogDirectory> log_;
  std::shared_ptr<tidings::log::TopicLog> topic_;
  tidings::log::PartitionLog* partition_ = nullptr;
  Synced synced_;
};

/// A table with WAL; `synchronous` is FULL where synced, else NORMAL, which survives the death of the process as well.
/// A transaction an append.
class SqliteLog {
 public:
  SqliteLog(const std::string& folder, Synced synced);
  ~SqliteLog();
  SqliteLog(const SqliteLog&) = delete;
  SqliteLog& operator=(const SqliteLog&) = delete;
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t read() const;

 private:
  bool execute(const char* sql) const;

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

/// The limit where nothing is synced: records with a CRC-32C stored into a mapping whose pages are there. Where it ends
/// it begins again.
class MappedLog {
 public:
  MappedLog(const std::string& folder, Synced);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t read() const;

 private:
  static constexpr std::uint64_t records_max = (64 << 20) / record_bytes;

  std::unique_ptr<tidings::File> file_;
  tidings::Mapping mapping_;
  std::uint64_t count_ = 0;
};

/// The limit where everything is synced: `pwrite` and `fdatasync` in a file of zeros, without a checksum. Where it ends
/// it begins again.
class RawLog {
 public:
  RawLog(const std::string& folder, Synced);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr std::uint64_t bytes_max = 16 << 20;

  std::unique_ptr<tidings::File> file_;
  std::vector<std::byte> buffer_;
  std::uint64_t count_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace bench
