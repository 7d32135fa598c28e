#include "contenders/rocksdb_log.hpp"

#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <bit>
#include <stdexcept>

namespace bench {
namespace {

/// In the order of their bytes.
std::array<char, 8> key_of(std::uint64_t number) {
  return std::bit_cast<std::array<char, 8>>(__builtin_bswap64(number));
}

template <class On>
void for_each(rocksdb::DB& database, const On& on) {
  const std::unique_ptr<rocksdb::Iterator> all(database.NewIterator({}));
  for (all->SeekToFirst(); all->Valid(); all->Next()) on(all->value());
  if (!all->status().ok()) throw std::runtime_error(all->status().ToString());
}

}  // namespace

RocksdbLog::RocksdbLog(const std::string& folder, const Storing& storing) : record_(storing.bytes) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.IncreaseParallelism(2);
  options.compression = rocksdb::kNoCompression;
  write_.sync = storing.synced == Synced::yes;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(options, folder + "/rocksdb", &opened);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  database_.reset(opened);
}

bool RocksdbLog::append(std::uint64_t first, std::size_t count) {
  if (count == 1) {
    const auto key = key_of(first);
    return database_->Put(write_, {key.data(), key.size()}, {record_.with(first), record_.size()}).ok();
  }
  rocksdb::WriteBatch batch;
  for (auto number = first; number < first + count; ++number) {
    const auto key = key_of(number);
    if (!batch.Put({key.data(), key.size()}, {record_.with(number), record_.size()}).ok()) return false;
  }
  return database_->Write(write_, &batch).ok();
}

std::uint64_t RocksdbLog::count() const {
  std::uint64_t count = 0;
  for_each(*database_, [&](const rocksdb::Slice&) { ++count; });
  return count;
}

std::uint64_t RocksdbLog::read() const {
  std::uint64_t sum = 0;
  for_each(*database_, [&](const rocksdb::Slice& record) { sum += number_of(record.data()); });
  return sum;
}

}  // namespace bench
