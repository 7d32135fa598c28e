#include "log_contenders.hpp"

#include <nmmintrin.h>
#include <sqlite3.h>
#include <sys/mman.h>

#include <cassert>
#include <cstring>
#include <stdexcept>

#include "log/cursor.hpp"

namespace bench {
namespace {

constexpr auto patience = std::chrono::seconds{30};

/// Of all but the first word, which is the checksum's own.
[[gnu::target("sse4.2")]] std::uint32_t checksum_of(const std::byte* record, std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t at = 8; at < size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, record + at, 8);
    sum = _mm_crc32_u64(sum, word);
  }
  return static_cast<std::uint32_t>(sum);
}

std::unique_ptr<tidings::File> fresh_file(const std::string& folder) {
  auto directory = tidings::system_files().open(folder, true).or_throw();
  return directory->file("records", tidings::Directory::Create::must).or_throw();
}

void check(bool done, sqlite3* database) {
  if (!done) throw std::runtime_error(sqlite3_errmsg(database));
}

}  // namespace

TidingsLog::TidingsLog(const std::string& folder, const Storing& storing)
    : folder_(folder),
      log_(tidings::log::LogDirectory::open(folder, {}).or_throw()),
      synced_(storing.synced),
      payload_(storing.bytes - record_bytes + 7, 'p') {
  topic_ = log_->create("records", {.partitions = 1,
                                    .durability = synced_ == Synced::yes ? tidings::Durability::durable
                                                                         : tidings::Durability::memory})
               .or_throw();
  partition_ = topic_->partition(0).or_throw();
}

bool TidingsLog::append(std::uint64_t first, std::size_t count) {
  // Of a thread, so that several may append.
  thread_local std::vector<std::uint64_t> numbers;
  thread_local std::vector<tidings::EnvelopeView> views;
  thread_local std::vector<const tidings::EnvelopeView*> pointers;
  if (views.size() != count || views.front().payload.data() != payload_.data() ||
      views.front().payload.size() != payload_.size()) {
    numbers.resize(count);
    views.resize(count);
    pointers.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      // With the frame's header and the envelope's block these are a record's bytes.
      views[i] = {.id = {reinterpret_cast<const char*>(&numbers[i]), 8}, .type = "t", .payload = payload_};
      pointers[i] = &views[i];
    }
    assert(tidings::log::frame_bytes(views.front()) == record_bytes - 7 + payload_.size());
  }
  for (std::size_t i = 0; i < count; ++i) numbers[i] = first + i;
  const auto at = partition_->append(pointers, patience);
  if (!at) return false;
  return synced_ == Synced::no || partition_->sync_to(*at + count, patience);
}

std::uint64_t TidingsLog::count() const {
  return partition_->visible_end();
}

std::uint64_t TidingsLog::read() const {
  tidings::log::Cursor cursor(*partition_);
  cursor.seek(0);
  const auto end = partition_->visible_end();
  std::uint64_t sum = 0;
  while (true) {
    const auto item = cursor.next(end);
    if (!item || !*item) return sum;
    sum += number_of((*item)->envelope.id.data());
  }
}

void TidingsLog::follow(const std::string& address, const Following& following) {
  const auto log = tidings::log::LogDirectory::open(address, {}).or_throw();
  const auto topic = log->find("records").or_throw();
  auto* const partition = topic->partition(0).or_throw();
  tidings::log::Cursor cursor(*partition);
  cursor.seek(0);
  following.ready();
  const auto end = std::chrono::steady_clock::now() + patience;
  std::uint64_t visible = 0;
  for (std::uint64_t left = following.count; left > 0;) {
    // As a consumer has it, which looks once a fetch: the writer needs that line for each append.
    if (cursor.offset() == visible) visible = partition->visible_end();
    const auto item = cursor.next(visible).or_throw();
    if (item != nullptr) {
      following.on(number_of(item->envelope.id.data()));
      --left;
    } else if (std::chrono::steady_clock::now() > end) {
      return;
    }
  }
}

SqliteLog::SqliteLog(const std::string& folder, const Storing& storing) : record_(storing.bytes) {
  check(sqlite3_open((folder + "/records.db").c_str(), &database_) == SQLITE_OK, database_);
  check(
      execute("PRAGMA journal_mode=WAL") &&
          execute(storing.synced == Synced::yes ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL") &&
          execute("CREATE TABLE records (number INTEGER PRIMARY KEY, record BLOB NOT NULL)") &&
          sqlite3_prepare_v2(database_, "INSERT INTO records (record) VALUES (?)", -1, &insert_, nullptr) == SQLITE_OK,
      database_);
}

SqliteLog::~SqliteLog() {
  sqlite3_finalize(insert_);
  sqlite3_close(database_);
}

bool SqliteLog::execute(const char* sql) const {
  return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

bool SqliteLog::append(std::uint64_t first, std::size_t count) {
  if (count > 1 && !execute("BEGIN")) return false;
  for (std::size_t i = 0; i < count; ++i) {
    sqlite3_bind_blob(insert_, 1, record_.with(first + i), static_cast<int>(record_.size()), SQLITE_STATIC);
    if (sqlite3_step(insert_) != SQLITE_DONE) return false;
    sqlite3_reset(insert_);
  }
  return count == 1 || execute("COMMIT");
}

std::uint64_t SqliteLog::count() const {
  sqlite3_stmt* all = nullptr;
  check(sqlite3_prepare_v2(database_, "SELECT count(*) FROM records", -1, &all, nullptr) == SQLITE_OK, database_);
  const auto count = sqlite3_step(all) == SQLITE_ROW ? sqlite3_column_int64(all, 0) : -1;
  sqlite3_finalize(all);
  return static_cast<std::uint64_t>(count);
}

std::uint64_t SqliteLog::read() const {
  sqlite3_stmt* all = nullptr;
  check(sqlite3_prepare_v2(database_, "SELECT record FROM records ORDER BY number", -1, &all, nullptr) == SQLITE_OK,
        database_);
  std::uint64_t sum = 0;
  while (sqlite3_step(all) == SQLITE_ROW) sum += number_of(sqlite3_column_blob(all, 0));
  sqlite3_finalize(all);
  return sum;
}

MappedLog::MappedLog(const std::string& folder, const Storing& storing)
    : file_(fresh_file(folder)), record_(storing.bytes), records_max_(bytes_max / storing.bytes) {
  file_->allocate(bytes_max).or_throw();
  mapping_ = file_->map(bytes_max, true).or_throw();
  ::madvise(mapping_.data(), mapping_.size(), MADV_POPULATE_WRITE);
}

bool MappedLog::append(std::uint64_t first, std::size_t count) {
  const auto bytes = record_.size();
  for (std::size_t i = 0; i < count; ++i, ++count_) {
    const auto number = first + i;
    std::memcpy(record_.data() + 8, &number, 8);
    const std::uint64_t commit = (std::uint64_t{checksum_of(record_.data(), bytes)} << 32) | bytes;
    auto* const at = mapping_.data() + count_ % records_max_ * bytes;
    std::memcpy(at + 8, record_.data() + 8, bytes - 8);
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(at), commit, __ATOMIC_RELEASE);
  }
  return true;
}

std::uint64_t MappedLog::read() const {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count_; ++i) {
    const auto* const at = mapping_.data() + i % records_max_ * record_.size();
    const auto commit = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(at), __ATOMIC_ACQUIRE);
    if (commit >> 32 != checksum_of(at, record_.size())) return 0;
    sum += number_of(at + 8);
  }
  return sum;
}

RawLog::RawLog(const std::string& folder, const Storing& storing)
    : file_(fresh_file(folder)), record_bytes_(storing.bytes) {
  const std::vector<std::byte> zeros(1 << 20);
  for (std::uint64_t at = 0; at < bytes_max; at += zeros.size()) file_->write_at(zeros, at).or_throw();
  file_->sync_data().or_throw();
}

bool RawLog::append(std::uint64_t first, std::size_t count) {
  buffer_.resize(count * record_bytes_);
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = first + i;
    std::memcpy(buffer_.data() + i * record_bytes_, &number, 8);
  }
  if (position_ + buffer_.size() > bytes_max) position_ = 0;
  if (!file_->write_at(buffer_, position_) || !file_->sync_data()) return false;
  position_ += buffer_.size();
  count_ += count;
  return true;
}

}  // namespace bench
