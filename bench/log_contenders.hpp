#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "contenders/record.hpp"
#include "log/log_directory.hpp"

struct sqlite3;
struct sqlite3_stmt;

// Tidings, SQLite, which is in the process too, and the limits. What is a server or takes a library of its own stands
// in contenders/.
namespace bench {

/// One partition of the embedded log, as brokers use it.
class TidingsLog {
 public:
  static constexpr auto name = "tidings";

  TidingsLog(const std::string& folder, const Storing& storing);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t read() const;
  [[nodiscard]] const std::string& address() const { return folder_; }
  /// Spins: it never parks.
  static void follow(const std::string& address, const Following& following);

 private:
  std::string folder_;
  std::unique_ptr<tidings::log::LogDirectory> log_;
  std::shared_ptr<tidings::log::TopicLog> topic_;
  tidings::log::PartitionLog* partition_ = nullptr;
  Synced synced_;
  std::string payload_;  ///< what fills a record
};

/// A table with WAL; `synchronous` is FULL where synced, else NORMAL, which survives the death of the process as well.
/// A transaction an append.
class SqliteLog {
 public:
  static constexpr auto name = "sqlite";

  SqliteLog(const std::string& folder, const Storing& storing);
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
  Record record_;
};

/// The limit where nothing is synced: records with a CRC-32C stored into a mapping whose pages are there. Where it ends
/// it begins again.
class MappedLog {
 public:
  static constexpr auto name = "mapped";

  MappedLog(const std::string& folder, const Storing& storing);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t read() const;

 private:
  static constexpr std::uint64_t bytes_max = 64 << 20;

  std::unique_ptr<tidings::File> file_;
  tidings::Mapping mapping_;
  std::vector<std::byte> record_;
  std::uint64_t records_max_;
  std::uint64_t count_ = 0;
};

/// The limit where everything is synced: `pwrite` and `fdatasync` in a file of zeros, without a checksum. Where it ends
/// it begins again.
class RawLog {
 public:
  static constexpr auto name = "raw";

  RawLog(const std::string& folder, const Storing& storing);
  bool append(std::uint64_t first, std::size_t count);
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr std::uint64_t bytes_max = 16 << 20;

  std::unique_ptr<tidings::File> file_;
  std::size_t record_bytes_;
  std::vector<std::byte> buffer_;
  std::uint64_t count_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace bench
