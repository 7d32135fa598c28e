#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

// Logs of records, each with its number in its first bytes. All are used in the same way:
//   append(first, count)  adds so many records, the first with the number `first`; with their durability when it
//                         returns, unless they are pipelined
//   flush()               waits for what was pipelined
//   count()               what is there
//   read()                all of it, checked as the contender checks: the sum of the numbers
//   follow(…)             in another process: each record as it comes
namespace bench {

inline constexpr std::size_t record_bytes = 128;
enum class Synced { no, yes };

struct Storing {
  Synced synced = Synced::no;
  std::size_t bytes = record_bytes;  ///< of each record
  bool pipelined = false;            ///< an append of one does not wait for its acknowledgement, where there is any
};

/// A record to be written, again and again with another number.
class Record {
 public:
  explicit Record(std::size_t bytes) : bytes_(bytes) {}
  const char* with(std::uint64_t number) {
    std::memcpy(bytes_.data(), &number, sizeof number);
    return bytes_.data();
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<char> bytes_;
};
inline std::uint64_t number_of(const void* record) {
  std::uint64_t number = 0;
  std::memcpy(&number, record, sizeof number);
  return number;
}

/// What is done in another process: `ready` is called once nothing can be missed, `on` for each of `count` records.
struct Following {
  std::uint64_t count = 0;
  std::function<void()> ready;
  std::function<void(std::uint64_t number)> on;
};

}  // namespace bench
